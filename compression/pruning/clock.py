"""How long a narrowed network takes, over what the whole one takes, measured beside it."""

from collections.abc import Callable
from copy import deepcopy

from msgspec import Struct
from torch import nn

from compression.pruning.goals import LatencyGoal
from compression.widths import Gone
from compression.widths.choose import Cost
from latency_tables.model import Model
from latency_tables.networks import measure_networks
from latency_tables.protocol import Protocol
from latency_tables.runtimes import Runtime, open_runtime
from proxyless_nas.layer import Shape

BRIEF = Protocol(burn_in_s=0.5, spread_s=0.0)
VISITS = 20
Thin = Callable[[Gone], nn.Module]


class Clock(Struct, frozen=True):
    """Measures networks as a goal says, always beside the whole one, so that ratios are fair."""

    goal: LatencyGoal
    runtime: Runtime
    whole: nn.Module
    shape: Shape

    @classmethod
    def of(cls, goal: LatencyGoal, whole: nn.Module, shape: Shape) -> "Clock":
        """ValueError where the runtime is not there."""
        return cls(goal, open_runtime(goal.on), whole, shape)

    def times(self, network: nn.Module, protocol: Protocol, visits: int) -> tuple[float, float]:
        """Milliseconds of the whole network and of `network`, measured now, in turns."""
        models = [
            Model(name, lambda module=module: deepcopy(module), self.shape, self.goal.batch)
            for name, module in (("whole", self.whole), ("pruned", network))
        ]
        batch = self.goal.batch
        whole, pruned = measure_networks(
            models, visits=visits, runtime=self.runtime, protocol=protocol, batch=batch
        )
        return whole.p10_ms, pruned.p10_ms

    def ratio(self, network: nn.Module) -> float:
        """What `network` takes over what the whole one takes, briefly measured."""
        whole, pruned = self.times(network, BRIEF, VISITS)
        return pruned / whole


def measured_whole(clock: Clock, thin: Thin) -> Cost:
    """The latency of a narrowed network over the whole one's; each width is measured once."""
    known: dict[tuple[tuple[str, int], ...], float] = {}

    def cost(gone: Gone) -> float:
        own = tuple(sorted((name, count) for name, count in gone.items() if count))
        if own not in known:
            known[own] = clock.ratio(thin(gone)) if own else 1.0
        return known[own]

    return cost
