"""The command `quantize`: fewer bits for a trained network, without training."""

from pathlib import Path
from typing import Annotated, Literal, get_args

from msgspec import convert, to_builtins
from msgspec.structs import replace
from torch import nn

from compression.analysis.subject import ImagesConfig, exam_of, images_of, opened_trained
from compression.quantizers.activations import RangeActivations
from compression.quantizers.asking import Ends, by_policy, uniformly
from compression.quantizers.files import write_quantized
from compression.quantizers.fold import folded
from compression.quantizers.place import Asked
from compression.quantizers.ranges import AnyRange, Entropy, MeanSquare, MinMax, Percentile
from compression.quantizers.repair import correct_biases
from compression.quantizers.report import Quantized, sizes_of
from compression.quantizers.rounding import rounded
from compression.quantizers.weights import AnyWeights, WeightKind
from proxyless_nas.bits import load_policy
from proxyless_nas.command import short
from proxyless_nas.counting import layers_of
from proxyless_nas.files import write_json
from proxyless_nas.layer import Layer, Shape
from proxyless_nas.weights import save_tensors
from training.datasets import images_in
from training.evaluate import evaluate

RANGES: dict[str, AnyRange] = {
    "min-max": MinMax(),
    "percentile": Percentile(),
    "mse": MeanSquare(),
    "entropy": Entropy(),
}
RangeName = Literal["min-max", "percentile", "mse", "entropy"]
FIXED = {"ternary": 2, "binary": 1}
"""Kinds that have the bits they have."""
REPORT, WEIGHTS = "report.json", "weights.pt"


class QuantizeConfig(ImagesConfig, frozen=True, kw_only=True):
    """Quantize a trained network without training it; images calibrate the activations.

    The result is scored on the test images, beside the network in float.
    """

    out: Annotated[str, short("o")]
    """Folder for quantized.json, weights.pt, network.pt2, bits.json and report.json."""
    weight_bits: int | None = 8
    """Bits of every weight; None leaves weights in float."""
    activation_bits: int | None = 8
    """Bits of what flows into every layer; None leaves that in float."""
    policy: str | None = None
    """A file with the bits of every layer, such as a search writes, instead of those two."""
    kind: Literal["range", "codebook", "powers", "ternary", "binary"] = "range"
    """Levels of weights: evenly spaced, found by k-means, powers of two, three, or two."""
    weight_range: RangeName = "min-max"
    """How far evenly spaced levels of weights reach."""
    activation_range: RangeName = "min-max"
    """How far levels of activations reach."""
    per: Literal["tensor", "channel"] = "channel"
    """Which weights share a step, the distance between two levels."""
    group: int | None = None
    """So many inputs of a channel share a step."""
    symmetric: bool = True
    """Levels of weights reach as far to both sides of 0."""
    ends: Ends = 8
    """Bits of the first and the last layer: a number, same as the others, or float."""
    fold: bool = True
    """Fold batch norms into the layers before them first, as they are where networks are used."""
    correct_biases: bool = False
    """Give biases what outputs lose on average; needs --fold. Meant for few bits over the whole
    range (min-max): where weights are clipped, outputs also shrink, and biases do not mend that."""
    reconstruct: int = 0
    """Steps, per layer, of learning which of its weights are rounded up, so that the layer answers
    as it did."""
    test_limit: int | None = None
    """Use only so many test images."""

    def __post_init__(self) -> None:
        known = _kind(self).__struct_fields__
        flags = {"per": "--per", "group": "--group", "symmetric": "--symmetric"}
        given = {field: getattr(self, field) for field in flags} | {"range": self.weight_range}
        usual = {"per": "channel", "group": None, "symmetric": True, "range": "min-max"}
        for field, value in given.items():
            if field not in known and value != usual[field]:
                flag = flags.get(field, "--weight-range")
                raise ValueError(f"{flag} says nothing for --kind {self.kind}: leave it out")
        if self.kind in FIXED and self.weight_bits not in (8, FIXED[self.kind]):
            raise ValueError(
                f"--kind {self.kind} takes {FIXED[self.kind]} bits: leave --weight-bits out"
            )
        if self.reconstruct and self.kind != "range":
            raise ValueError("--reconstruct rounds to evenly spaced levels: it needs --kind range")
        if self.policy is not None and self.ends != 8:
            raise ValueError("a --policy has bits for all layers: leave --ends out")


def run_quantize(config: QuantizeConfig) -> None:
    """The command."""
    source = opened_trained(config)
    _must_not_write_over(config)
    subject, shape = source.subject, source.subject.input
    whole = _folded(source.network, shape) if config.fold else source.network.eval()
    asked = _asked(config, layers_of(whole, shape))
    exam = exam_of(config, subject, config.test_limit)
    batches = list(images_of(config, subject).test_batches(config.batch_size))
    network = rounded(whole, asked, batches, config.reconstruct)
    if config.correct_biases:
        correct_biases(network, whole, images_in(batches))
    report = Quantized(
        data=exam.name,
        before=evaluate(whole, exam.test_batches(config.batch_size)),
        after=evaluate(network, exam.test_batches(config.batch_size)),
        sizes=sizes_of(network, shape),
    )
    out = Path(config.out)
    told = write_quantized(network, subject, out)
    save_tensors(out / WEIGHTS, network.state_dict())
    write_json(out / REPORT, report)
    print(f"{report.told()}\n{told}")


def _must_not_write_over(config: QuantizeConfig) -> None:
    """ValueError where the folder holds the weights that are to be quantized."""
    new = Path(config.out) / WEIGHTS
    read = Path(config.weights or Path(config.arch).with_name(WEIGHTS))
    if new.exists() and read.exists() and new.samefile(read):
        raise ValueError(f"{new} is what is to be quantized: give another folder as --out")


def _folded(network: nn.Module, shape: Shape) -> nn.Module:
    try:
        return folded(network, shape)
    except ValueError as error:
        raise ValueError(f"{error}; --no-fold leaves them where they are") from error


def _asked(config: QuantizeConfig, layers: tuple[Layer, ...]) -> dict[str, Asked]:
    """By layer, what is asked for. ValueError where nothing is."""
    flowing = RangeActivations(range=RANGES[config.activation_range])
    if config.policy is not None:
        return by_policy(load_policy(config.policy, layers), _weights(config), flowing)
    bits = config.activation_bits
    both = Asked(
        weights=None if config.weight_bits is None else _weights(config),
        activations=None if bits is None else replace(flowing, bits=bits),
    )
    order = list(dict.fromkeys(layer.name for layer in layers if layer.kind != "norm"))
    return uniformly(both, order, config.ends)


def _weights(config: QuantizeConfig) -> AnyWeights:
    """The kind of weights that is asked for, told what of the flags it can be told."""
    told = {
        "bits": config.weight_bits,
        "per": config.per,
        "group": config.group,
        "symmetric": config.symmetric,
        "range": RANGES[config.weight_range],
    }
    fixed = {"bits"} if config.kind in FIXED or config.weight_bits is None else set[str]()
    own = set(_kind(config).__struct_fields__) & set(told) - fixed
    fields = {name: to_builtins(told[name]) for name in own}
    return convert({"by": config.kind, **fields}, AnyWeights)


def _kind(config: QuantizeConfig) -> type[WeightKind]:
    return next(one for one in get_args(AnyWeights) if one.__struct_config__.tag == config.kind)
