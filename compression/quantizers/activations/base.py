"""What every way to quantize activations is told."""

from abc import abstractmethod

from msgspec import Struct
from torch import Tensor, nn

from compression.quantizers.grid import Grid, must_be_bits, signed, unsigned
from compression.quantizers.seen import Sample


class ActivationKind(Struct, frozen=True, kw_only=True, tag_field="by", forbid_unknown_fields=True):
    """One kind of activation quantizer, of `bits` bits; a subclass says which."""

    bits: int = 8

    def __post_init__(self) -> None:
        must_be_bits(self.bits)

    @abstractmethod
    def quantizer(self, seen: Sample) -> nn.Module:
        """A module x -> the same shape, made for what was seen of a layer's input.

        Which tensors it has depends on the sign of that alone.
        """

    def grid(self, seen: Sample) -> Grid:
        """From 0 up, or to both sides of it where something lies below."""
        return signed(self.bits, restricted=True) if seen.signed else unsigned(self.bits)


def alone(step: Tensor) -> Tensor:
    """[1]: one step for everything."""
    return step.reshape(1)
