"""Make what was found, by a recipe that makes it again: narrow, with zeros, tuned, rounded."""

import shlex
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path

import yaml
from msgspec import Struct, to_builtins
from msgspec.structs import replace
from torch import nn

from compression.apply import under, write_what_is_left
from compression.int8.command import Int8Config
from compression.quantizers.weights import LearnedWeights
from compression.recipe import read_recipe
from proxyless_nas.bits import FLOAT_BITS, MOST_BITS, Bits, Policy
from proxyless_nas.command import flags_of
from proxyless_nas.files import write_bytes
from proxyless_nas.subject import Subject
from proxyless_nas.weights import save_tensors
from search.auto.given import Given
from search.auto.tuning import epochs_of
from search.evaluators.compressed import ACTIVATIONS, WEIGHTS
from search.problems.compressed import Compressed
from training.config import TrainConfig
from training.evaluate import Evaluation, evaluate
from training.run import run_training
from training.words import counted

WARMUP, CLIP = 0.1, 2.0
"""Of tuning: a network that has just lost much has slopes that a full rate would not survive."""
RECIPE, UNTUNED, TUNED = "recipe.yaml", "untuned", "tuned"
LEARNING = LearnedWeights()
"""How weights with bits are rounded while they learn."""
DESCRIPTIONS = ("spec.json", "network.yaml")
"""What may be left that `--arch` takes."""


class Made(Struct, frozen=True):
    """A network, how it came about, and its score on the images of the search."""

    how: str
    epochs: int
    network: nn.Module
    judged: Evaluation


def made_of(given: Given, one: Compressed) -> list[Made]:
    """The ways to make it, judged: as it is, and tuned where that is asked for, or needed."""
    found = [_made(given, one, 0)]
    epochs = epochs_of(given, found[0].network)
    return [*found, _made(given, one, epochs)] if epochs else found


def _made(given: Given, one: Compressed, epochs: int) -> Made:
    write_recipe(given, one, epochs)
    network = trained(given, epochs)
    how = f"{counted(epochs, 'epoch')} of tuning" if epochs else "untuned"
    return Made(how, epochs, network, evaluate(network, given.judged))


def policy_of(given: Given, one: Compressed) -> Policy:
    """The bits of all layers; what flows into them stays in float, but on simulated hardware."""
    flowing = MOST_BITS if given.flows else FLOAT_BITS
    bits = {layer: Bits(one.bits.get(layer, FLOAT_BITS), flowing) for layer in given.problem.layers}
    return Policy(given.subject.name, bits)


def write_recipe(given: Given, one: Compressed, epochs: int) -> None:
    """recipe.yaml, under which `main.py --compress` makes the network again, and tunes it in so
    many epochs, with the whole one as teacher. Its first lines are the commands."""
    config = given.config
    steps: list[dict[str, object]] = [{"do": "teach", "strength": config.strength}]
    if one.gone:
        keep = {name: given.sizes.widths[name] - gone for name, gone in one.gone.items()}
        steps.append(
            {"do": "narrow", "keep": keep, "repair": "lstsq", "seen": config.calibrated_on}
        )
    if one.bits and epochs:
        steps.append({"do": "fold"})
    if one.zeros:
        method = {"by": "level", "share": one.zeros}
        steps.append(
            {"do": "mask", "method": method, "where": {"name": list(one.zeros)},
             "when": {"times": [0]}}
        )  # fmt: skip
    if one.bits:
        steps.append(rounding(given, one, epochs))
    training = replace(training_of(given, epochs), compress=str(given.out / RECIPE), out="OUT")
    how = [shlex.join(["python", "main.py", *flags_of(training)])]
    left = next((name for name in DESCRIPTIONS if (given.out / name).exists()), None)
    if one.int8 and left is not None:
        integers = shlex.join(flags_of(integers_of(given, left)))
        how.append(f"python -m compression int8 {integers}   # then, of what that leaves")
    lines = "".join(f"# {line}\n" for line in how)
    text = lines + yaml.safe_dump({"steps": steps}, sort_keys=False)
    write_bytes(given.out / RECIPE, text.encode())


def rounding(given: Given, one: Compressed, epochs: int) -> dict[str, object]:
    """The step of the recipe that gives weights their bits: in the end, where they learn how they
    are rounded if no zeros must stay; or while the network learns."""
    policy = {
        layer: {"weights": bits.weights, "activations": bits.activations}
        for layer, bits in policy_of(given, one).layers.items()
    }
    step: dict[str, object] = {"do": "quantize" if epochs else "round"}
    step["weights"] = to_builtins(LEARNING if epochs else WEIGHTS)
    if given.flows:
        step["activations"] = to_builtins(ACTIVATIONS)
    if not epochs:
        step["reconstruct"] = 0 if one.zeros else given.config.reconstruct
    return step | {"policy": policy, "seen": given.config.calibrated_on}


def training_of(given: Given, epochs: int) -> TrainConfig:
    """A training under the recipe; with any tuning, on what the search does not judge by."""
    config = given.config
    apart = config.held_out is not None or given.tunable
    return TrainConfig(
        arch=config.arch,
        weights=config.weights,
        pretrained=config.weights is None,
        num_classes=config.num_classes,
        resolution=config.resolution,
        dataset=config.dataset,
        path=config.path,
        normalise=config.normalise,
        held_out=config.kept_apart if apart else None,
        interpolation=config.interpolation,
        val_every=None,
        epochs=epochs,
        base_lr=config.base_lr,
        warmup_epochs=epochs * WARMUP,
        clip_norm=CLIP,
        batch_size=config.batch_size,
        seed=config.seed,
        workers=config.workers,
        threads=config.threads,
        out=str(given.out / (TUNED if epochs else UNTUNED)),
    )


def integers_of(given: Given, left: str) -> Int8Config:
    """How integers are made of what the recipe leaves in OUT, described by `left`."""
    config = given.config
    return Int8Config(
        arch=f"OUT/{left}",
        out="OUT/model.onnx",
        path=config.path,
        dataset=config.dataset,
        limit=config.calibrated_on,
        held_out=config.held_out,
        seed=config.seed,
        normalise=config.normalise,
        interpolation=config.interpolation,
        centre=config.centre,
        always=True,
        openvino=False,
        spread_s=config.spread_s,
    )


def trained(given: Given, epochs: int) -> nn.Module:
    """What a training under the recipe leaves."""
    kept: list[nn.Module] = []

    def first(train: TrainConfig, subject: Subject) -> nn.Module:
        return deepcopy(given.whole).requires_grad_(True)

    def finished(subject: Subject, network: nn.Module, out: Path) -> None:
        write_what_is_left(subject, network, out)
        kept.append(deepcopy(network).cpu().eval())

    extras = under(read_recipe(given.out / RECIPE))
    training = training_of(given, epochs)
    run_training(training, lambda train: replace(extras, first=first, finished=finished))
    return kept[0].requires_grad_(False)


def best_of(given: Given, made: Sequence[Made]) -> Made:
    """What was made last; where the images of the search were held out from the first training,
    the most accurate on them. Others remember them, and less so once they were tuned on the rest.
    """
    if given.config.held_out is None:
        return made[-1]
    return max(made, key=lambda one: (one.judged.top1, -one.judged.loss))


def write_network(given: Given, network: nn.Module) -> str:
    """Its files; a sentence that names them."""
    save_tensors(given.out / "weights.pt", network.state_dict())
    write_what_is_left(given.subject, network, given.out)
    return f"{given.out} holds the network"
