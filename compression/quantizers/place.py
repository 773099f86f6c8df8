"""Put quantizers into a network, take them out, and say in a file which stand where."""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any

from msgspec import Struct
from torch import Tensor, nn
from torch.nn.utils import parametrize

from compression.masks.mask import Mask, have_own_class
from compression.quantizers.activations import AnyActivations, Clipped, Moving
from compression.quantizers.on_grid import OnGrid
from compression.quantizers.seen import Sample, observe
from compression.quantizers.weights import AnyWeights
from compression.selectors import must_stand_alone
from proxyless_nas.counting import layers_of
from proxyless_nas.layer import Shape

KINDS = (nn.Conv2d, nn.Linear)
BEFORE, PLACED = "input_quantizer", "quantized_as"
"""What layers call the quantizer of their input, and the record of both."""


class Asked(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How one layer is to be quantized; None leaves that in float."""

    weights: AnyWeights | None = None
    activations: AnyActivations | None = None
    """What flows into the layer."""


class Placed(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a layer is quantized, and whether its input is signed: enough to build it anew."""

    weights: AnyWeights | None = None
    activations: AnyActivations | None = None
    signed: bool = False


class Quantization(Struct, frozen=True, forbid_unknown_fields=True):
    """Which layers of a network are quantized, by name, and how."""

    layers: dict[str, Placed]

    def put_into(self, network: nn.Module) -> None:
        """The quantizers, for weights that are loaded afterwards. ValueError for another's."""
        parts = dict(network.named_modules())
        if missing := [name for name in self.layers if name not in parts]:
            raise ValueError(f"the network has no layer {missing[0]} to be quantized")
        for name, placed in self.layers.items():
            _put(network, name, placed, Sample.blank(placed.signed))


def quantizable(network: nn.Module, shape: Shape) -> list[str]:
    """Names of the convolutions and linear maps, in the order in which an image passes them."""
    names = (layer.name for layer in layers_of(network, shape) if layer.kind != "norm")
    return list(dict.fromkeys(names))


def quantization_of(network: nn.Module) -> Quantization:
    """How a network is quantized, told from the network itself; without layers for a plain one."""
    parts = network.named_modules()
    return Quantization({name: vars(part)[PLACED] for name, part in parts if PLACED in vars(part)})


def quantize(
    network: nn.Module,
    asked: Mapping[str, Asked],
    batches: Iterable[tuple[Tensor, Tensor]] = (),
) -> Quantization:
    """Put quantizers into `network` itself, those of activations calibrated on `batches`.

    ValueError for a layer that is no convolution or linear map, that shares its weight, that is
    quantized or overridden already, or whose masked weights would not stay 0, and where activations
    are to be calibrated and nothing flows.
    """
    for name, one in asked.items():
        part = network.get_submodule(name)
        if not isinstance(part, KINDS):
            raise ValueError(f"{name} is a {type(part).__name__}: convolutions and linear maps are "
                             "quantized, exclude it")  # fmt: skip
        if PLACED in vars(part):
            raise ValueError(f"{name} is quantized already: exclude it")
        if one.weights is not None:
            must_stand_alone(network, name, "weight")
            if any(not isinstance(other, Mask) for other in _chain_of(part)):
                raise ValueError(f"an earlier step overrides the weights of {name}: exclude it")
            if any(isinstance(other, Mask) for other in _chain_of(part)):
                must_keep_zeros(name, one.weights)
    watched = [name for name, one in asked.items() if one.activations is not None]
    seen = observe(network, watched, batches) if watched else {}
    placed: dict[str, Placed] = {}
    for name, one in asked.items():
        sample = seen.get(name, Sample.blank(signed=False))
        placed[name] = Placed(
            weights=one.weights, activations=one.activations, signed=sample.signed
        )
        _put(network, name, placed[name], sample)
    return Quantization(placed)


def _put(network: nn.Module, name: str, placed: Placed, seen: Sample) -> None:
    part: Any = network.get_submodule(name)
    setattr(part, PLACED, placed)
    if placed.weights is not None:
        quantizer = placed.weights.quantizer(part.weight)
        parametrize.register_parametrization(part, "weight", quantizer, unsafe=False)
    if placed.activations is not None:
        part.add_module(BEFORE, placed.activations.quantizer(seen).to(part.weight.device))
        part.register_forward_pre_hook(_round_input)


def _round_input(part: Any, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return (part.input_quantizer(inputs[0]), *inputs[1:])


def must_keep_zeros(name: str, kind: AnyWeights) -> None:
    """ValueError where masked weights of a layer would not be 0 once they are rounded."""
    if not kind.keeps_zeros:
        raise ValueError(
            f"{name} is masked, and {kind.__struct_config__.tag} weights of {kind.bits} bits have "
            "no level that stays 0: round it in another way, or exclude it"
        )


def _chain_of(part: nn.Module) -> list[nn.Module]:
    """What a layer's weight passes."""
    if not parametrize.is_parametrized(part, "weight"):
        return []
    chain: Any = part.parametrizations["weight"]  # type: ignore[index]
    return list(chain)


def _quantizer_of(part: nn.Module) -> nn.Module | None:
    """The quantizer of a layer's weight."""
    return next((one for one in _chain_of(part) if not isinstance(one, Mask)), None)


def with_rounded_weights(network: nn.Module) -> nn.Module:
    """A copy whose weights are what quantizers and masks make of them; inputs are still rounded."""
    copy = deepcopy(network)
    for part in list(copy.modules()):
        if parametrize.is_parametrized(part, "weight"):
            have_own_class(part)
            parametrize.remove_parametrizations(part, "weight", leave_parametrized=True)
    return copy


def without_input_quantizers(network: nn.Module) -> nn.Module:
    """A copy in which what flows into layers is not rounded."""
    copy = deepcopy(network)
    for name in input_quantizers(copy):
        part = copy.get_submodule(name)
        delattr(part, BEFORE)
        for key, hook in list(part._forward_pre_hooks.items()):
            if hook is _round_input:
                del part._forward_pre_hooks[key]
    return copy


def weight_quantizers(network: nn.Module) -> dict[str, nn.Module]:
    """By layer, the quantizer of its weight."""
    found = {name: _quantizer_of(part) for name, part in network.named_modules()}
    return {name: one for name, one in found.items() if one is not None}


def input_quantizers(network: nn.Module) -> dict[str, OnGrid | Clipped | Moving]:
    """By layer, the quantizer of what flows into it."""
    return {
        name: getattr(part, BEFORE)
        for name, part in network.named_modules()
        if hasattr(part, BEFORE)
    }
