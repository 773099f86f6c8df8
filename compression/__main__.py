"""Look at networks, compress them for a goal, in steps or under a recipe, and export them."""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # idle threads leave the cores to decoders

from collections.abc import Callable

import tyro
from msgspec import Struct
from msgspec.structs import asdict

from compression.analysis.activations_command import ActivationsConfig, look
from compression.analysis.draw import DrawConfig, draw
from compression.analysis.info import InfoConfig, inform
from compression.analysis.sensitivity import SensitivityConfig, try_elements
from compression.analysis.summary import SummaryConfig, summarise
from compression.apply import under_its_recipe
from compression.exits.command import ExitsConfig, run_exits
from compression.export_command import ExportConfig, run_export
from compression.gates.command import GatesConfig, run_gates
from compression.int8.command import Int8Config, run_int8
from compression.pruning.ana import ana
from compression.pruning.config import Pruning
from compression.pruning.finetune import finetune
from compression.pruning.prune import prune
from compression.pruning.transform import transform
from compression.quantizers.command import QuantizeConfig, run_quantize
from compression.readers.command import ReadConfig, run_read
from proxyless_nas.command import Command, run_many
from proxyless_nas.language.structs import read_yaml
from search.auto.config import AutoConfig
from search.auto.run import auto
from search.verbs.run import RunConfig, run
from training.config import TrainConfig
from training.run import run_training


class AnaConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Step 1 of pruning: try what each group of channels is worth; continues where it stopped."""

    config: str
    """What is pruned, and how: a YAML file, as in examples/prune."""


class PruneConfig(AnaConfig, frozen=True):
    """Step 2 of pruning: choose the channels that go, so that the goal is met."""


class FinetuneConfig(AnaConfig, frozen=True):
    """Step 3 of pruning: train what is left; on one worker or many, continues where it stopped."""


class TransformConfig(AnaConfig, frozen=True):
    """Step 4 of pruning: write and export the plain network, and say what was won and lost."""


class ApplyConfig(TrainConfig, frozen=True, kw_only=True):
    """Train a network under a recipe, as `main.py --compress`; a run that stopped continues."""

    recipe: tyro.conf.Positional[str]
    """What is done to the network while it learns: a YAML file, as in examples/compress."""


def apply(given: ApplyConfig) -> None:
    """The training whose `compress` is the recipe; ValueError where both are given."""
    fields = asdict(given)
    recipe = fields.pop("recipe")
    if given.compress is not None:
        raise ValueError("the recipe is given without a flag: leave --compress out")
    run_training(TrainConfig(**{**fields, "compress": recipe}), under_its_recipe)


def step(act: Callable[[Pruning], None]) -> Callable[[AnaConfig], None]:
    """Read the file that a step is given, and take the step."""
    return lambda given: act(read_yaml(given.config, Pruning))


if __name__ == "__main__":
    run_many(
        "python -m compression",
        {
            "auto": Command(AutoConfig, auto),
            "run": Command(RunConfig, run),
            "apply": Command(ApplyConfig, apply),
            "ana": Command(AnaConfig, step(ana)),
            "prune": Command(PruneConfig, step(prune)),
            "finetune": Command(FinetuneConfig, step(finetune)),
            "transform": Command(TransformConfig, step(transform)),
            "quantize": Command(QuantizeConfig, run_quantize),
            "int8": Command(Int8Config, run_int8),
            "exits": Command(ExitsConfig, run_exits),
            "gates": Command(GatesConfig, run_gates),
            "read": Command(ReadConfig, run_read),
            "export": Command(ExportConfig, run_export),
            "info": Command(InfoConfig, inform),
            "summary": Command(SummaryConfig, summarise),
            "activations": Command(ActivationsConfig, look),
            "sensitivity": Command(SensitivityConfig, try_elements),
            "draw": Command(DrawConfig, draw),
        },
    )
