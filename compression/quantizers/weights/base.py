"""What every way to quantize weights is told, and how a weight is cut into rows of a step each."""

from abc import abstractmethod
from typing import Literal

from msgspec import Struct
from torch import Tensor, nn

from compression.quantizers.grid import must_be_bits
from compression.quantizers.on_grid import InGroups

Per = Literal["tensor", "channel"]


class WeightKind(Struct, frozen=True, kw_only=True, tag_field="by", forbid_unknown_fields=True):
    """One kind of weight quantizer, of `bits` bits; a subclass says which."""

    bits: int = 8

    def __post_init__(self) -> None:
        must_be_bits(self.bits)

    @property
    def keeps_zeros(self) -> bool:
        """Whether a weight that is 0, such as a masked one, is 0 when it was rounded."""
        return self.bits > 1

    @abstractmethod
    def quantizer(self, weight: Tensor) -> nn.Module:
        """A module [out, ...] -> the same, made for `weight`; it has a `right_inverse`."""


class Rows(WeightKind, frozen=True, kw_only=True):
    """A kind with a step for the whole tensor, each output channel, or each `group` of inputs."""

    per: Per = "channel"
    group: int | None = None
    """So many neighbouring inputs of an output channel share a step."""

    def __post_init__(self) -> None:
        WeightKind.__post_init__(self)
        if self.group is not None and (self.group < 1 or self.per != "channel"):
            raise ValueError("a `group` has 1 or more inputs of one channel: leave `per` out")

    def rows(self, weight: Tensor) -> Tensor:
        """[rows, numbers]: what shares a step; ValueError where groups do not fit."""
        if self.per == "tensor":
            return weight.detach().reshape(1, -1)
        if self.group is None:
            return weight.detach().reshape(len(weight), -1)
        if weight[0].numel() % self.group:
            raise ValueError(
                f"a weight of shape {tuple(weight.shape)} has {weight[0].numel()} inputs per "
                f"channel: groups of {self.group} do not fit"
            )
        return weight.detach().reshape(-1, self.group)

    def like_rows(self, numbers: Tensor, weight: Tensor) -> Tensor:
        """Numbers [rows, 1] in the shape in which they are broadcast to the weight."""
        if self.group is not None:
            return numbers
        return numbers.reshape(-1, *([1] * (weight.dim() - 1)))

    def cut(self, quantizer: nn.Module) -> nn.Module:
        """The quantizer, on rows of a group where there are groups."""
        return quantizer if self.group is None else InGroups(quantizer, self.group)
