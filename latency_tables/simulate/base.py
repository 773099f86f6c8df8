"""What every simulated machine can be asked: cycles, milliseconds, millijoules of a layer."""

from msgspec import Struct

from proxyless_nas.bits import MOST_BITS, Bits
from proxyless_nas.layer import Layer

PICOJOULES = 1e9  # in a millijoule


class Hardware(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A machine that computes with integers of 1 to 8 bits; prices are those of a whole `batch`.

    Batch norms are folded and cost nothing; neither do activations, sums and poolings. Whoever
    makes another kind gives it `_cycles` and, if its energy is known, `_millijoules`.
    """

    clock_mhz: float
    batch: int
    """Images per call."""

    @property
    def knows_energy(self) -> bool:
        """Whether `millijoules` has an answer."""
        return True

    def cycles(self, layer: Layer, bits: Bits) -> int:
        """Clock cycles of one call; ValueError for float."""
        return self._cycles(layer, _whole(layer, bits)) if layer.kind != "norm" else 0

    def milliseconds(self, layer: Layer, bits: Bits) -> float:
        """The same as time."""
        return self.cycles(layer, bits) / (1e3 * self.clock_mhz)

    def millijoules(self, layer: Layer, bits: Bits) -> float:
        """Energy of one call; ValueError for float, LookupError where no energy is known."""
        return self._millijoules(layer, _whole(layer, bits)) if layer.kind != "norm" else 0.0

    def _cycles(self, layer: Layer, bits: Bits) -> int:
        raise NotImplementedError

    def _millijoules(self, layer: Layer, bits: Bits) -> float:
        raise NotImplementedError


def _whole(layer: Layer, bits: Bits) -> Bits:
    if max(bits.weights, bits.activations) > MOST_BITS:
        raise ValueError(
            f"layer {layer.name} is float ({bits}): this hardware computes with 1 to {MOST_BITS} "
            "bits; give the layer such bits, or leave it out of the sum"
        )
    return bits
