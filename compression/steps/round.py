"""The step that rounds a network when it has learned everything: `do: round`."""

from torch import nn

from compression.masks import masks_of, plain_copy
from compression.quantizers.fold import folded
from compression.quantizers.place import Asked, must_keep_zeros, quantize
from compression.quantizers.rounding import rounded
from compression.quantizers.weights import RangeWeights
from compression.schedule import When
from compression.steps.base import AtWork
from compression.steps.bits import FewerBits
from proxyless_nas.layer import Shape
from training.companion import Seen
from training.datasets import Batch
from training.plan import Plan


class RoundStep(FewerBits, frozen=True, tag="round"):
    """When everything has been learnt, what is left is rounded, as `quantize` rounds without
    training: it learns in float, and is written, and scored in the end, with its bits.

    Batch norms are folded into the layers before them first, unless `fold` is false. Ranges of
    activations are calibrated on `seen` training images; with so many steps of `reconstruct`, layer
    by layer, these also say which weights are rounded up (AdaRound, Nagel et al. 2020). It is the
    last step of a recipe; channels may leave and weights become zero before.
    """

    fold: bool = True
    reconstruct: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.when != When():
            raise ValueError("round works when everything has been learnt: leave its `when` out")
        if self.reconstruct < 0:
            raise ValueError(f"`reconstruct` takes 0 steps or more, not {self.reconstruct}")
        if self.reconstruct and not isinstance(self.weights, RangeWeights):
            raise ValueError("`reconstruct` rounds to evenly spaced levels: `weights` by range")

    def begin(self, network: nn.Module, shape: Shape, plan: Plan, seen: Seen) -> AtWork:
        plain = self.prepared(plain_copy(network).cpu(), shape)
        asked = self.asked(plain, shape)
        quantize(plain, {name: Asked(weights=one.weights) for name, one in asked.items()})
        self._zeros_must_stay(network, asked)
        looked = self.activations is not None or self.reconstruct
        batches = [(x.cpu(), y.cpu()) for x, y in seen(self.seen)] if looked else []
        return _ToBeRounded(self, shape, len(asked), batches, plan.steps)

    def prepared(self, network: nn.Module, shape: Shape) -> nn.Module:
        """What is rounded. ValueError where its batch norms cannot be folded."""
        if not self.fold:
            return network.eval()
        try:
            return folded(network, shape)
        except ValueError as error:
            raise ValueError(f"{error}; `fold: false` leaves them") from error

    def _zeros_must_stay(self, network: nn.Module, asked: dict[str, Asked]) -> None:
        masked = {*masks_of(network), *masks_of(network, "structures")}
        for name, one in asked.items():
            if one.weights is None or f"{name}.weight" not in masked:
                continue
            must_keep_zeros(name, one.weights)
            if self.reconstruct:
                raise ValueError(f"{name} is masked, and with `reconstruct` zeros would not stay")


class _ToBeRounded(AtWork):
    """A network that will have fewer bits."""

    leaves_another = True

    def __init__(
        self, step: RoundStep, shape: Shape, layers: int, seen: list[Batch], last: int
    ) -> None:
        self._step, self._shape, self._layers, self._seen = step, shape, layers, seen
        self.last_change = last

    def before(self, step: int) -> None:
        pass

    def told(self) -> str:
        return f"{self._layers} layers will be rounded in the end"

    def finished(self, network: nn.Module) -> nn.Module:
        whole = self._step.prepared(network, self._shape).requires_grad_(False)
        asked = self._step.asked(whole, self._shape)
        return rounded(whole, asked, self._seen, self._step.reconstruct)
