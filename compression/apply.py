"""Train under a recipe: what `main.py --compress` does, and what it leaves in the run folder."""

from pathlib import Path

from torch import nn

from compression.analysis.sparsity import sparsity_of, told
from compression.describe import described, shapes_of
from compression.exits import WithExits
from compression.exits.files import write_exits
from compression.gates.files import write_gates
from compression.gates.place import gates_of
from compression.overriders.place import overridden_flows
from compression.program import PROGRAM, write_program
from compression.quantizers.files import write_quantized
from compression.quantizers.place import quantization_of
from compression.readers.opening import open_recipe
from compression.recipe import RECIPE, Recipe
from proxyless_nas.subject import Subject
from training.config import TrainConfig
from training.prepare import subject_of
from training.run import PLAIN, Extras
from training.run_folder import keep_same


def under_its_recipe(config: TrainConfig) -> Extras:
    """What the recipe of a config adds to its training: nothing where there is none."""
    if config.compress is None:
        return PLAIN
    folder = Path(str(config.out)) if config.resume else None
    recipe, notes = open_recipe(config.compress, folder, lambda: subject_of(config))
    return under(recipe, f"the recipe {config.compress}", notes)


def under(recipe: Recipe, called: str = "the recipe", notes: str = "") -> Extras:
    """What a recipe adds to a training; a run that is continued must be told the same one."""

    def begun(out: Path) -> None:
        if notes:
            print(notes)
        keep_same(out / RECIPE, recipe, called)

    return Extras(
        accompany=recipe.accompany, rates=recipe.rates, begun=begun, finished=write_what_is_left
    )


def write_what_is_left(subject: Subject, network: nn.Module, out: Path) -> None:
    """spec.json of a compressed network, the network.yaml of one in YAML whose layers are as wide
    as before, or network.pt2 where no description says what it is.

    Of a network with exits or gates, or a quantized one, network.pt2 and, to build it anew,
    exits.json, gates.json or quantized.json; of one that overrides what flows through it
    network.pt2 alone.
    """
    print(told(sparsity_of(network)))
    if flows := overridden_flows(network):
        write_program(network, subject.input, out / PROGRAM)
        print(
            f"{len(flows)} parts override what flows through them: {out / PROGRAM} is the network "
            "with them, for torch.export.load"
        )
        return
    if quantization_of(network).layers:
        print(write_quantized(network, subject, out))
        return
    if gates_of(network):
        print(write_gates(network, subject, out))
        return
    if isinstance(network, WithExits):
        print(write_exits(network, subject, out))
        return
    if subject.described is not None and shapes_of(subject.build(seed=0)) == shapes_of(network):
        subject.save(out)
        return
    try:
        if subject.spec is not None:
            described(subject.spec, network).save(str(out / "spec.json"))
            return
        reason = f"{subject.name} has no description"
    except ValueError as error:
        reason = str(error)
    write_program(network, subject.input, out / PROGRAM)
    print(f"{reason}: {out / PROGRAM} is the network and its weights, for torch.export.load")
