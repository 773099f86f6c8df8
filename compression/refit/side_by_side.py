"""Two networks of one kind, run on the same images operation by operation, side by side."""

from dataclasses import dataclass
from typing import Any

from torch import Tensor, fx, nn
from torch.fx.node import map_aggregate

from compression.channels.layers import PER_CHANNEL
from compression.channels.walk import trace

SUMS = ("add", "add_", "iadd")


@dataclass(frozen=True)
class Both:
    """What an operation gives in the whole network, and in the other as it is now."""

    whole: Any
    now: Any


class SideBySide(fx.Interpreter):
    """Runs `whole` and `now`, two copies of one traced network, in lockstep.

    `meets` is called for every layer, once the whole network has passed it and before the other
    does: what it changes of the other is seen from there on. Both are to be in eval mode.
    """

    def __init__(self, whole: nn.Module, now: nn.Module) -> None:
        super().__init__(trace(whole))
        self._now = fx.Interpreter(trace(now))

    def meets(self, node: fx.Node, given: Any, wanted: Any) -> None:
        """A layer is given `given` in the network as it is now, and answered `wanted` in the
        whole one."""
        raise NotImplementedError

    def run_node(self, n: fx.Node) -> Any:
        """Of both networks; called for every operation, in order."""
        args, kwargs = self.fetch_args_kwargs_from_env(n)
        if n.op == "placeholder":
            x = self.placeholder(n.target, args, kwargs)
            return Both(x, x.clone() if isinstance(x, Tensor) else x)  # some layers write over it
        if n.op == "output":
            return args[0]
        sides = [_picked((args, kwargs), side) for side in ("whole", "now")]
        whole = getattr(self, n.op)(n.target, *sides[0])
        if n.op == "call_module":
            self.meets(n, sides[1][0][0], whole)
        return Both(whole, getattr(self._now, n.op)(n.target, *sides[1]))

    def owed(self, node: fx.Node) -> Tensor | None:
        """By how much a layer's answers must move for the sum that they end in to be the whole
        one's; None where they end in none, or where the other summand comes later.

        Between the layer and the sum there may be a batch norm.
        """
        scale, end = None, node
        follower = _only_user(end)
        if follower is not None and follower.op == "call_module":
            norm = self.fetch_attr(str(follower.target))
            if not isinstance(norm, PER_CHANNEL) or norm.running_var is None:
                return None
            scale = (norm.running_var + norm.eps).rsqrt()
            scale = scale if norm.weight is None else scale * norm.weight
            end = follower
            follower = _only_user(end)
        if follower is None or follower.kwargs or len(follower.args) != 2:
            return None
        if getattr(follower.target, "__name__", follower.target) not in SUMS:
            return None
        summand = next((one for one in follower.args if one is not end), None)
        other = self.env.get(summand) if isinstance(summand, fx.Node) else None
        if not isinstance(other, Both) or not isinstance(other.whole, Tensor):
            return None
        lost = other.whole - other.now
        if scale is None:
            return lost
        reach = scale.abs() > SMALL * scale.abs().max()
        share = reach / scale.where(reach, scale.new_ones(()))
        return lost * share.reshape(-1, *([1] * (lost.ndim - 2)))


SMALL = 1e-3
"""A batch norm that scales a channel by less of its largest cannot carry what a sum has lost."""


def _only_user(node: fx.Node) -> fx.Node | None:
    return next(iter(node.users)) if len(node.users) == 1 else None


def _picked(values: Any, side: str) -> Any:
    return map_aggregate(values, lambda one: getattr(one, side) if isinstance(one, Both) else one)
