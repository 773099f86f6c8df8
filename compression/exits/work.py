"""What an image costs that leaves at an exit."""

from collections.abc import Sequence

from msgspec import Struct

from compression.exits.network import WithExits
from proxyless_nas.counting import macs_by_module, macs_of
from proxyless_nas.layer import Shape


class Work(Struct, frozen=True):
    """Multiply-accumulates of the stages, and of the heads at their ends, for one image."""

    stages: tuple[int, ...]
    heads: tuple[int, ...]

    @property
    def alone(self) -> int:
        """Of the network without exits."""
        return sum(self.stages)

    def until(self, asked: Sequence[bool]) -> tuple[int, ...]:
        """Of an image that leaves at each of the exits, or goes all the way, if those are asked."""
        found, spent = [], 0
        for stage, head, is_asked in zip(self.stages, self.heads, asked, strict=False):
            spent += stage + head * is_asked
            found.append(spent)
        return (*found, spent + self.stages[-1])


def work_of(network: WithExits, shape: Shape) -> Work:
    """For images of `shape`; ValueError where a layer works in several stages."""
    each = macs_by_module(network, shape)

    def below(name: str) -> int:
        return sum(macs for part, macs in each.items() if f"{part}.".startswith(f"{name}."))

    found = Work(
        tuple(below(f"stages.{number}") for number in range(len(network.stages))),
        tuple(below(f"exits.{number}") for number in range(len(network.exits))),
    )
    if sum((*found.stages, *found.heads)) != macs_of(network, shape):
        raise ValueError("a layer works in several stages: its MACs cannot be told apart")
    return found
