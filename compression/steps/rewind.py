"""Go back: a whole network as it was at one time of its training, and what is masked stays zero."""

import torch
from msgspec import Struct
from torch import Tensor, nn

from compression.masks import forget_masked
from compression.schedule import When
from training.plan import Plan


class Rewind(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Back to the time `to`, in the unit of the step's `when`; 0 is the start.

    The lottery ticket hypothesis (Frankle & Carbin 2019); later times for larger networks (Frankle
    et al. 2020).
    """

    to: float = 0.0

    def __post_init__(self) -> None:
        if self.to < 0:
            raise ValueError(f"nothing was learnt before the start: {self.to:g} is below 0")

    def memory(self, network: nn.Module, when: When, times: list[int], plan: Plan) -> "Memory":
        """What remembers `network`. ValueError where it should go back ahead of that time."""
        at = when.at(self.to, plan.per_epoch)
        if times[0] < at:
            raise ValueError(
                f"it would rewind to {when.unit[:-1]} {self.to:g}, but works from {when.begin:g} "
                f"on: let it begin behind that, or rewind to an earlier one"
            )
        return Memory(network, at)


class Memory:
    """All parameters of a network and all statistics of its norms, as they are before step `at`."""

    def __init__(self, network: nn.Module, at: int) -> None:
        self._network, self.at = network, at
        self.held: dict[str, Tensor] = {}

    def before(self, step: int) -> None:
        """Called before every step."""
        if step == self.at:
            self.held = {name: one.detach().clone() for name, one in self._tensors().items()}

    @torch.no_grad()
    def put_back(self) -> None:
        """Let the network be as it was, but zero, also below its masks, where it is masked now."""
        for name, tensor in self._tensors().items():
            tensor.copy_(self.held[name])
        forget_masked(self._network)

    def _tensors(self) -> dict[str, Tensor]:
        statistics = {
            f"{name}.{own}": tensor
            for name, part in self._network.named_modules()
            if hasattr(part, "running_mean")
            for own, tensor in part.named_buffers(recurse=False)
        }
        return {**dict(self._network.named_parameters()), **statistics}
