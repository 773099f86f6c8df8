"""How long a narrowed network takes, over what the whole one takes, measured beside it."""

from collections.abc import Callable
from copy import deepcopy

from msgspec import Struct
from torch import nn

from compression.export import onnx_bytes
from compression.pruning.goals import LatencyGoal
from compression.widths import Gone, key_of
from compression.widths.choose import Cost
from latency_tables.graph import to_onnx
from latency_tables.model import Model, OnnxModel
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
    whole: Model
    shape: Shape
    known: bool
    """Whether our own translation to ONNX knows all of it; where not, torch exports each network,
    once."""

    @classmethod
    def of(cls, goal: LatencyGoal, whole: nn.Module, shape: Shape) -> "Clock":
        """ValueError where the runtime is not there."""
        copy = deepcopy(whole).cpu().eval()
        try:
            to_onnx(deepcopy(copy), shape)
            known = True
        except ValueError:
            known = False
        model = _model("whole", copy, shape, goal.batch, known)
        return cls(goal, open_runtime(goal.runtime), model, shape, known)

    def model(self, network: nn.Module) -> Model:
        """What `times` takes: a copy of `network`, or the file that torch exports of it."""
        return _model("pruned", network, self.shape, self.goal.batch, self.known)

    def times(self, model: Model, protocol: Protocol, visits: int) -> tuple[float, float]:
        """Milliseconds of the whole network and of `model`, measured now, in turns."""
        models, batch = [self.whole, model], self.goal.batch
        whole, pruned = measure_networks(
            models, visits=visits, runtime=self.runtime, protocol=protocol, batch=batch
        )
        return whole.p10_ms, pruned.p10_ms

    def ratio(self, network: nn.Module) -> float:
        """What `network` takes over what the whole one takes, briefly measured.

        Where that meets the goal it is measured again and the slower time counts: a goal is not met
        by luck.
        """
        model = self.model(network)
        found = self._measured(model)
        return found if found > self.goal.share else max(found, self._measured(model))

    def _measured(self, model: Model) -> float:
        whole, pruned = self.times(model, BRIEF, VISITS)
        return pruned / whole


def _model(name: str, network: nn.Module, shape: Shape, batch: int, known: bool) -> Model:
    copy = deepcopy(network).cpu().eval()
    if known:
        return Model(name, lambda: copy, shape, batch)
    return OnnxModel(name, onnx_bytes(copy, shape, batch))


def measured_whole(clock: Clock, thin: Thin) -> Cost:
    """The latency of a narrowed network over the whole one's; each width is measured once."""
    known: dict[tuple[tuple[str, int], ...], float] = {}

    def cost(gone: Gone) -> float:
        own = key_of(gone)
        if own not in known:
            known[own] = clock.ratio(thin(gone)) if own else 1.0
        return known[own]

    return cost
