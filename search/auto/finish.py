"""Make what was found: rounded, tuned where that was asked for, and written."""

from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path

import yaml
from msgspec import Struct
from msgspec.structs import replace
from torch import nn

from compression.apply import under, write_what_is_left
from compression.quantizers.files import write_quantized
from compression.quantizers.fold import folded
from compression.quantizers.place import quantize
from compression.quantizers.reconstruct import Reconstruction, reconstruct
from compression.recipe import read_recipe
from proxyless_nas.bits import FLOAT_BITS, MOST_BITS, Bits, Policy
from proxyless_nas.files import write_bytes
from proxyless_nas.subject import Subject
from proxyless_nas.weights import save_tensors
from search.auto.given import Given
from search.evaluators.compressed import CompressedNetwork, asked_of
from search.problems.compressed import Compressed
from training.config import TrainConfig
from training.datasets import images_in
from training.evaluate import Evaluation, evaluate
from training.run import run_training

WARMUP, CLIP = 0.1, 2.0
"""Of tuning: a network that has just lost much has slopes that a full rate would not survive."""
RECIPE, BITS, TUNED = "recipe.yaml", "bits.json", "tuned"


class Made(Struct, frozen=True):
    """A network, how it came about, and its score on the images of the search."""

    how: str
    network: nn.Module
    judged: Evaluation


def made_of(given: Given, compressed: CompressedNetwork, one: Compressed) -> list[Made]:
    """The ways to make it, all judged; each is rounded where there are bits."""
    ways = {"untuned": compressed.narrowed(one)}
    if given.config.epochs:
        ways[f"{given.config.epochs} epochs of tuning"] = tuned(given)
    found: list[Made] = []
    for how, narrowed in ways.items():
        network = rounded(given, narrowed, one)
        found.append(Made(how, network, evaluate(network, given.judged)))
    return found


def rounded(given: Given, narrowed: nn.Module, one: Compressed) -> nn.Module:
    """With its bits, which learn how to round where no zeros must stay; or in float."""
    if not one.bits:
        return narrowed
    whole = folded(narrowed, given.subject.input)
    network = deepcopy(whole)
    flowing = given.seen if given.flows else ()
    quantize(network, asked_of(one, given.flows), flowing)
    if steps := steps_of_rounding(given, one):
        how = Reconstruction(steps=steps)
        reconstruct(network, whole, images_in(given.seen), how)
    return network.eval()


def steps_of_rounding(given: Given, one: Compressed) -> int:
    """Of learning how a layer is rounded: none where zeros must stay."""
    return 0 if one.zeros else given.config.reconstruct


def policy_of(given: Given, one: Compressed) -> Policy:
    """The bits of all layers; what flows into them stays in float, but on simulated hardware."""
    flowing = MOST_BITS if given.flows else FLOAT_BITS
    bits = {layer: Bits(one.bits.get(layer, FLOAT_BITS), flowing) for layer in given.problem.layers}
    return Policy(given.subject.name, bits)


def write_recipe(given: Given, one: Compressed) -> Path:
    """recipe.yaml, under which `main.py --compress` tunes the narrowed network, with the whole one
    as teacher; where there are bits, bits.json too, with which `quantize` rounds what is left. Its
    first lines say how."""
    steps: list[dict[str, object]] = [{"do": "teach", "strength": given.config.strength}]
    if one.gone:
        keep = {name: given.sizes.widths[name] - gone for name, gone in one.gone.items()}
        steps.append({"do": "narrow", "keep": keep, "repair": "lstsq"})
    if one.zeros:
        method = {"by": "level", "share": one.zeros}
        where = {"name": list(one.zeros)}
        steps.append({"do": "mask", "method": method, "where": where, "when": {"end": 1}})
    config = given.config
    tuning = (
        f"--base-lr {config.base_lr} --warmup-epochs {config.epochs * WARMUP:g} --clip-norm {CLIP}"
    )
    how = [
        f"python main.py --arch {config.arch} --weights WEIGHTS --compress {given.out / RECIPE} "
        f"--epochs {config.epochs or 'EPOCHS'} {tuning}"
    ]
    if one.bits:
        policy_of(given, one).save(given.out / BITS)
        how.append(
            f"python -m compression quantize --arch ARCH --weights WEIGHTS --out OUT --policy "
            f"{given.out / BITS} --weight-range mse --reconstruct {steps_of_rounding(given, one)}"
        )
    lines = "".join(f"# {line}\n" for line in how)
    text = lines + yaml.safe_dump({"steps": steps}, sort_keys=False)
    write_bytes(given.out / RECIPE, text.encode())
    return given.out / RECIPE


def tuned(given: Given) -> nn.Module:
    """The narrowed network, trained under the recipe on what the search does not judge by."""
    kept: list[nn.Module] = []
    config = given.config
    train = TrainConfig(
        arch=config.arch,
        weights=config.weights,
        pretrained=config.pretrained,
        num_classes=config.num_classes,
        resolution=config.resolution,
        dataset=config.dataset,
        path=config.path,
        normalise=config.normalise,
        held_out=config.kept_apart,
        interpolation=config.interpolation,
        val_every=None,
        epochs=config.epochs,
        base_lr=config.base_lr,
        warmup_epochs=config.epochs * WARMUP,
        clip_norm=CLIP,
        batch_size=config.batch_size,
        seed=config.seed,
        workers=config.workers,
        threads=config.threads,
        out=str(given.out / TUNED),
    )

    def first(train: TrainConfig, subject: Subject) -> nn.Module:
        return deepcopy(given.whole).requires_grad_(True)

    def finished(subject: Subject, network: nn.Module, out: Path) -> None:
        write_what_is_left(subject, network, out)
        kept.append(deepcopy(network).cpu().eval())

    extras = under(read_recipe(given.out / RECIPE))
    run_training(train, lambda train: replace(extras, first=first, finished=finished))
    return kept[0].requires_grad_(False)


def best_of(given: Given, made: Sequence[Made]) -> Made:
    """What was made last; where the images of the search were held out from the first training,
    the most accurate on them. Others remember them, and less so once they were tuned on the rest.
    """
    if given.config.held_out is None:
        return made[-1]
    return max(made, key=lambda one: (one.judged.top1, -one.judged.loss))


def write_network(given: Given, network: nn.Module, one: Compressed) -> str:
    """Its files; a sentence that names them."""
    save_tensors(given.out / "weights.pt", network.state_dict())
    if one.bits:
        return write_quantized(network, given.subject, given.out, folded=True)
    write_what_is_left(given.subject, network, given.out)
    return f"{given.out} holds the network"
