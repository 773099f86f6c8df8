"""Distiller's quantizers: steps for those that train, a command for the one that does not."""

import re
from typing import Any, Literal

from msgspec import Struct

from compression.quantizers.activations import (
    AnyActivations,
    DorefaActivations,
    PactActivations,
    RangeActivations,
)
from compression.quantizers.weights import AnyWeights, DorefaWeights, RangeWeights, WrpnWeights
from compression.readers.arguments import typed
from compression.readers.distiller.names import Names
from compression.readers.distiller.parsing import Component
from compression.readers.reading import Said
from compression.selectors import Where
from compression.steps import QuantizeStep
from proxyless_nas.language.values import Map, refuse

FLOAT = 32
DECAY = 1e-4
Mode = Literal["SYMMETRIC", "SYMMETRIC_RESTRICTED", "ASYMMETRIC_UNSIGNED", "ASYMMETRIC_SIGNED"]


class _Bits(Struct, frozen=True, kw_only=True):
    """Bits of everything; None, and 32, are float."""

    bits_activations: int | None = None
    bits_weights: int | None = None
    bits_bias: int | None = None
    overrides: Any = None


class Dorefa(_Bits, frozen=True, kw_only=True):
    """DoReFa-Net."""


class Wrpn(_Bits, frozen=True, kw_only=True):
    """WRPN."""


class Pact(_Bits, frozen=True, kw_only=True):
    """PACT."""

    act_clip_init_val: float = 8.0
    act_clip_decay: float | None = None


class Linear(_Bits, frozen=True, kw_only=True):
    """Range-linear, with averages that move."""

    bits_activations: int | None = FLOAT
    bits_weights: int | None = FLOAT
    bits_bias: int | None = FLOAT
    mode: Mode | dict[Literal["activations", "weights"], Mode] = "SYMMETRIC"
    ema_decay: float = 0.999
    per_channel_wts: bool = False
    quantize_inputs: bool = True
    num_bits_inputs: int | None = None


class Override(Struct, frozen=True, kw_only=True):
    """Bits of the layers whose names fit a pattern."""

    bits_activations: int | None = FLOAT
    bits_weights: int | None = FLOAT
    bits_bias: int | None = FLOAT


HERE = (
    "what flows into a layer is rounded, there what comes out of a ReLU; ranges and first ends are "
    "those of training images"
)
QUANTIZERS: dict[str, tuple[type[_Bits], Said]] = {
    "DorefaQuantizer": (Dorefa, ("differs", HERE)),
    "PACTQuantizer": (Pact, ("differs", HERE)),
    "WRPNQuantizer": (
        Wrpn,
        ("differs", f"{HERE}; weights have 2^b - 1 levels up to 1, there 2^b + 1, which go beyond"),
    ),
    "QuantAwareTrainRangeLinearQuantizer": (
        Linear,
        ("differs", f"{HERE}; averages begin there, not at nothing; symmetric is symmetric, which "
         "there is trained as asymmetric, by mistake"),
    ),
}  # fmt: skip
UNTRANSLATED = {
    "NCFQuantAwareTrainQuantizer": "it is for one network of recommendations (NCF)",
}


def steps_of(component: Component, names: Names) -> tuple[list[QuantizeStep], list[str]]:
    """A step for all layers with the same bits, and what it leaves out, in words."""
    kind, _ = QUANTIZERS[component.kind]
    args = typed(kind, component.args, component.place, component.told)
    left_out: list[str] = []
    if args.bits_bias not in (None, FLOAT):
        left_out.append(f"biases stay in float, not at {args.bits_bias} bits")
    if isinstance(args, Pact) and args.act_clip_decay is None:
        left_out.append(f"the ends decay by {DECAY:g}, there as the training's weights do")
    overrides = _overrides(component, names, args, left_out)
    groups: dict[tuple[int | None, int | None], list[str]] = {}
    order = names.computing()
    for place, (ours, theirs) in enumerate(order):
        weights, flows = _bits_of(theirs, overrides, args)
        if place == 0:
            flows = _of_input(args)
        groups.setdefault((weights, flows), []).append(ours)
    steps = [
        QuantizeStep(
            weights=None if weights is None else _weights(component, args, weights),
            activations=None if flows is None else _activations(component, args, flows),
            where=Where(name=tuple(layers)),
            ends="same",
        )
        for (weights, flows), layers in groups.items()
        if (weights, flows) != (None, None)
    ]
    if not steps:
        refuse(component.place, (), f"{component.told}: everything stays in float")
    return steps, left_out


def _overrides(
    component: Component, names: Names, args: _Bits, left_out: list[str]
) -> list[tuple[str, Override]]:
    given = component.args.get("overrides")
    if given is None:
        return []
    if not isinstance(given, Map):
        refuse(component.args.places["overrides"], ("overrides",), "a map of names and bits")
    found: list[tuple[str, Override]] = []
    usual = Map(
        (key, getattr(args, key), component.place)
        for key in ("bits_activations", "bits_weights", "bits_bias")
    )
    known = {their for _, theirs in names.computing() for their in theirs}
    for pattern, value, place in given.lines():
        try:
            fits = re.compile(pattern)
        except re.error as error:
            refuse(place, ("overrides",), f"{pattern!r} is no pattern: {error}")
        if not isinstance(value, Map):
            refuse(place, ("overrides", pattern), "a map of bits")
        both = Map([*usual.lines(), *value.lines()])
        own = typed(Override, both, place, f"the override of {pattern}")
        if any(fits.fullmatch(name) for name in known):
            found.append((pattern, own))
        elif any(fits.fullmatch(name) for name in names.layers()) or "relu" in pattern:
            left_out.append(f"the override of {pattern} is about no convolution or linear map")
        else:
            names.tensor(f"{pattern}.weight", place)  # refused, with the nearest names
    return found


def _bits_of(
    theirs: set[str], overrides: list[tuple[str, Override]], args: _Bits
) -> tuple[int | None, int | None]:
    """Bits of a layer's weights, and of what flows into it: by its name, or the first pattern."""
    exact = [own for pattern, own in overrides if pattern in theirs]
    fitting = [
        own for pattern, own in overrides if any(re.fullmatch(pattern, name) for name in theirs)
    ]
    for own in (*exact[:1], *fitting[:1]):
        return _or_float(own.bits_weights), _or_float(own.bits_activations)
    return _or_float(args.bits_weights), _or_float(args.bits_activations)


def _of_input(args: _Bits) -> int | None:
    """Bits of images: float, but for the quantizer that rounds its inputs."""
    if not isinstance(args, Linear) or not args.quantize_inputs:
        return None
    return _or_float(args.num_bits_inputs or args.bits_activations)


def _or_float(bits: int | None) -> int | None:
    return None if bits == FLOAT else bits


def _weights(component: Component, args: _Bits, bits: int) -> AnyWeights:
    try:
        if isinstance(args, Linear):
            return RangeWeights(
                bits=bits,
                per="channel" if args.per_channel_wts else "tensor",
                symmetric=_mode(args, "weights").startswith("SYMMETRIC"),
                follows=True,
            )
        return WrpnWeights(bits=bits) if isinstance(args, Wrpn) else DorefaWeights(bits=bits)
    except ValueError as error:
        refuse(component.place, (), f"{component.told}: {error}")


def _activations(component: Component, args: _Bits, bits: int) -> AnyActivations:
    try:
        if isinstance(args, Pact):
            decay = DECAY if args.act_clip_decay is None else args.act_clip_decay
            return PactActivations(bits=bits, clip=args.act_clip_init_val, decay=decay)
        if isinstance(args, Linear):
            symmetric = _mode(args, "activations").startswith("SYMMETRIC")
            return RangeActivations(bits=bits, symmetric=symmetric, follows=args.ema_decay)
        return DorefaActivations(bits=bits)
    except ValueError as error:
        refuse(component.place, (), f"{component.told}: {error}")


def _mode(args: Linear, whose: Literal["activations", "weights"]) -> Mode:
    return args.mode if isinstance(args.mode, str) else args.mode.get(whose, "SYMMETRIC")
