"""Which elements of a tensor to keep: one struct per method, told apart by its tag in YAML.

A method is given the dense weights and the mask so far, and answers with a mask [like weights],
True where an element is kept.
"""

from typing import ClassVar, Literal

import torch
from msgspec import Struct
from torch import Tensor

ROUNDING = 1e-6
"""A product that float arithmetic leaves so far below a whole number is that number."""


class Method(Struct, frozen=True, kw_only=True, tag_field="by", forbid_unknown_fields=True):
    """One way to choose elements; a subclass says how."""

    places_matter: ClassVar[bool] = False
    """Whether it asks where in the tensor an element stands."""
    revives: ClassVar[bool] = False
    """Whether what is masked learns on below, and may come back."""

    def mask(self, weight: Tensor, before: Tensor) -> Tensor:
        """What to keep of `weight`, of which `before` was kept so far."""
        raise NotImplementedError

    @property
    def remembers(self) -> bool:
        """Whether it measures a weight once, at its first time, and goes by that."""
        return False

    def measured(self, weight: Tensor) -> Tensor:
        """[numbers] of a weight that it then remembers."""
        raise NotImplementedError

    def remembering(self, measured: Tensor) -> "Method":
        """The method for a weight that had such numbers at its first time."""
        raise NotImplementedError


class Threshold(Method, frozen=True, tag="threshold"):
    """Elements larger than `value` stay."""

    value: float

    def mask(self, weight: Tensor, before: Tensor) -> Tensor:
        return weight.abs() > self.value


class Sensitivity(Method, frozen=True, tag="sensitivity"):
    """Elements larger than `deviations` standard deviations of the tensor stay (Han et al. 2015).

    For weights of a normal distribution, 1 leaves out 68 % of them. The deviation is that of the
    weights `now`, or, for all times, that at the `first` one.
    """

    deviations: float
    of: Literal["now", "first"] = "now"

    @property
    def remembers(self) -> bool:
        return self.of == "first"

    def measured(self, weight: Tensor) -> Tensor:
        return weight.std().reshape(1)

    def remembering(self, measured: Tensor) -> Method:
        return Threshold(value=self.deviations * float(measured))

    def mask(self, weight: Tensor, before: Tensor) -> Tensor:
        return weight.abs() > self.deviations * weight.std()


class Level(Method, frozen=True, tag="level"):
    """The smallest `share` of the elements, rounded down, goes; of equal ones the first go."""

    share: float

    def __post_init__(self) -> None:
        _must_be_a_share("share", self.share)

    def gone(self, count: int) -> int:
        """How many of `count` elements go."""
        return int(self.share * count + ROUNDING)

    def mask(self, weight: Tensor, before: Tensor) -> Tensor:
        order = weight.abs().flatten().argsort(stable=True)
        kept = torch.ones(weight.numel(), dtype=torch.bool, device=weight.device)
        kept[order[: self.gone(weight.numel())]] = False
        return kept.view(weight.shape)


class Random(Method, frozen=True, tag="random"):
    """A random `share` of the elements, rounded down, goes: what a method must be better than."""

    share: float
    seed: int = 0

    def __post_init__(self) -> None:
        _must_be_a_share("share", self.share)

    def mask(self, weight: Tensor, before: Tensor) -> Tensor:
        chance = torch.Generator().manual_seed(self.seed)
        drawn = torch.rand(weight.shape, generator=chance).to(weight.device)
        return Level(share=self.share).mask(drawn, before)


class MeanStd(Method, frozen=True, tag="mean-std"):
    """Elements larger than the mean of all sizes and `alpha` deviations of them stay."""

    alpha: float = -2.0

    def mask(self, weight: Tensor, before: Tensor) -> Tensor:
        return weight.abs() > _above_mean(weight.abs(), self.alpha)


class Surgery(Method, frozen=True, tag="surgery"):
    """Elements go and come back (dynamic network surgery, Guo et al. 2016, equation 3).

    T = mean + `alpha` deviations of the elements' sizes, as they are `now` or, for all times, as
    they were at the `first` one. Those below `low` T go, those above `high` T come back, and those
    between stay what they were.
    """

    revives: ClassVar[bool] = True
    alpha: float = 0.0
    low: float = 0.9
    high: float = 1.1
    of: Literal["now", "first"] = "now"

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.high:
            raise ValueError(f"surgery needs 0 <= low <= high, not {self.low:g} and {self.high:g}")

    def mask(self, weight: Tensor, before: Tensor) -> Tensor:
        return self.remembering(self.measured(weight)).mask(weight, before)

    @property
    def remembers(self) -> bool:
        return self.of == "first"

    def measured(self, weight: Tensor) -> Tensor:
        size = weight.abs()
        return torch.stack([size.mean(), size.std(unbiased=False)])

    def remembering(self, measured: Tensor) -> Method:
        mean, deviation = measured.tolist()
        threshold = max(0.0, mean + self.alpha * deviation)
        return Between(low=self.low * threshold, high=self.high * threshold)


class Between(Method, frozen=True, tag="between"):
    """Elements up to `low` go, those above `high` come back, others stay what they were."""

    revives: ClassVar[bool] = True
    low: float
    high: float

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.high:
            raise ValueError(f"it needs 0 <= low <= high, not {self.low:g} and {self.high:g}")

    def mask(self, weight: Tensor, before: Tensor) -> Tensor:
        size = weight.abs()
        return (before | (size > self.high)) & (size > self.low)


class Blocks(Method, frozen=True, tag="blocks"):
    """N:M sparsity: of every `block` elements in a row of inputs the `keep` largest stay.

    A row runs along axis 1, the inputs of a layer. ValueError where a row is no whole number of
    blocks.
    """

    places_matter: ClassVar[bool] = True
    keep: int = 2
    block: int = 4

    def __post_init__(self) -> None:
        if not 0 < self.keep <= self.block:
            raise ValueError(f"{self.keep} of every {self.block} elements cannot stay")

    def mask(self, weight: Tensor, before: Tensor) -> Tensor:
        if weight.ndim < 2 or weight.shape[1] % self.block:
            raise ValueError(
                f"a weight of shape {tuple(weight.shape)} has no rows of whole blocks of "
                f"{self.block}: leave its layer out, or take another block"
            )
        rows = weight.abs().movedim(1, -1).unflatten(-1, (-1, self.block))
        order = rows.argsort(dim=-1, descending=True, stable=True)
        kept = torch.zeros_like(rows, dtype=torch.bool)
        kept.scatter_(-1, order[..., : self.keep], True)
        return kept.flatten(-2).movedim(-1, 1).contiguous()


def _above_mean(size: Tensor, alpha: float) -> Tensor:
    """The mean and `alpha` deviations, those of a whole population."""
    return size.mean() + alpha * size.std(unbiased=False)


def _must_be_a_share(name: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise ValueError(f"{name} must lie between 0 and 1, not {value:g}")


AnyMethod = Threshold | Sensitivity | MeanStd | Level | Random | Surgery | Between | Blocks
