"""How narrow each group of channels is, and each layer's bits and zeros; or all is in int8."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from msgspec import Struct

from proxyless_nas.bits import FLOAT_BITS
from search.choices import Knob


class Compressed(Struct, frozen=True, forbid_unknown_fields=True):
    """What is done to a network.

    `gone` is how many channels of a group go, `bits` those of a layer's weights, `zeros` the share
    of them that is zero; what is not named stays. In `int8` all weights and activations have 8
    bits, for integer kernels.
    """

    gone: dict[str, int] = {}
    bits: dict[str, int] = {}
    zeros: dict[str, float] = {}
    int8: bool = False


@dataclass(frozen=True)
class Compression:
    """One knob per group, and two per layer, as far as there are options.

    Option 0 leaves everything as it is. `stops` are numbers of channels that may go, `bits` fall
    from 32, float, or from what all layers have at least; `shares` of zeros rise from 0. With
    `int8` all that is decoded is in int8.
    """

    stops: Mapping[str, tuple[int, ...]]
    layers: Sequence[str]
    bits: Sequence[int] = (FLOAT_BITS,)
    shares: Sequence[float] = (0.0,)
    int8: bool = False

    def __post_init__(self) -> None:
        if self.int8 and self._rounded:
            raise ValueError("weights of a network in int8 have 8 bits: search one of the two")

    @property
    def knobs(self) -> tuple[Knob, ...]:
        """Groups, then bits and zeros of layers."""
        groups = [Knob(f"channels of {n}", tuple(map(str, s))) for n, s in self._stops]
        bits = [Knob(f"bits of {n}", tuple(map(str, self.bits))) for n in self._rounded]
        zeros = [Knob(f"zeros of {n}", tuple(map(str, self.shares))) for n in self._sparse]
        return (*groups, *bits, *zeros)

    @property
    def counts(self) -> tuple[int, ...]:
        """Number of options of each knob."""
        return tuple(len(knob.labels) for knob in self.knobs)

    def decode(self, options: Sequence[int]) -> Compressed:
        """What these options do."""
        each = iter(options)
        gone = {n: s[o] for (n, s), o in zip(self._stops, each, strict=False)}
        bits = {n: self.bits[o] for n, o in zip(self._rounded, each, strict=False)}
        zeros = {n: self.shares[o] for n, o in zip(self._sparse, each, strict=False)}
        return Compressed(
            gone={name: count for name, count in gone.items() if count},
            bits={name: one for name, one in bits.items() if one != FLOAT_BITS},
            zeros={name: share for name, share in zeros.items() if share},
            int8=self.int8,
        )

    @property
    def _stops(self) -> list[tuple[str, Sequence[int]]]:
        return [(name, (0, *stops)) for name, stops in self.stops.items() if stops]

    @property
    def _rounded(self) -> Sequence[str]:
        return self.layers if tuple(self.bits) != (FLOAT_BITS,) else ()

    @property
    def _sparse(self) -> Sequence[str]:
        return self.layers if len(self.shares) > 1 else ()
