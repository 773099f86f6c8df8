"""How narrow each group of channels is, how many bits each layer's weights have, and if int8."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from msgspec import Struct

from proxyless_nas.bits import FLOAT_BITS
from search.choices import Knob

INT8 = "int8"


class Compressed(Struct, frozen=True, forbid_unknown_fields=True):
    """What is done to a network.

    `gone` is how many channels of a group go, `bits` those of a layer's weights; what is not named
    stays. In `int8` all weights and activations have 8 bits, for integer kernels.
    """

    gone: dict[str, int]
    bits: dict[str, int]
    int8: bool = False


@dataclass(frozen=True)
class Compression:
    """One knob per group, one per layer, and one for int8, as far as there are options.

    Option 0 leaves everything as it is. `stops` are numbers of channels that may go, `bits` fall
    from 32, float.
    """

    stops: Mapping[str, tuple[int, ...]]
    layers: Sequence[str]
    bits: Sequence[int]
    int8: bool

    @property
    def knobs(self) -> tuple[Knob, ...]:
        """Groups, then layers, then int8."""
        groups = [Knob(f"channels of {n}", tuple(map(str, s))) for n, s in self._stops]
        layers = [Knob(f"bits of {n}", tuple(map(str, self.bits))) for n in self._layers]
        last = [Knob(INT8, ("no", "yes"))] if self.int8 else []
        return (*groups, *layers, *last)

    @property
    def counts(self) -> tuple[int, ...]:
        """Number of options of each knob."""
        return tuple(len(knob.labels) for knob in self.knobs)

    def decode(self, options: Sequence[int]) -> Compressed:
        """What these options do."""
        groups, layers = len(self._stops), len(self._layers)
        gone = {n: s[o] for (n, s), o in zip(self._stops, options, strict=False)}
        chosen = zip(self._layers, options[groups : groups + layers], strict=True)
        bits = {name: self.bits[option] for name, option in chosen}
        return Compressed(
            gone={name: count for name, count in gone.items() if count},
            bits={name: one for name, one in bits.items() if one != FLOAT_BITS},
            int8=self.int8 and bool(options[-1]),
        )

    @property
    def _stops(self) -> list[tuple[str, Sequence[int]]]:
        return [(name, (0, *stops)) for name, stops in self.stops.items() if stops]

    @property
    def _layers(self) -> Sequence[str]:
        return self.layers if len(self.bits) > 1 else ()
