"""Goals: what a pruned network may cost, or lose."""

from msgspec import Struct

from latency_tables.runtimes import RuntimeConfig


class _Goal(Struct, frozen=True, kw_only=True, tag_field="of", forbid_unknown_fields=True):
    """One kind of goal."""


class _Share(_Goal, frozen=True):
    """At most the `share` of what the whole network costs."""

    share: float

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise ValueError(f"a network can keep a share above 0 and up to 1, not {self.share:g}")


class MacsGoal(_Share, frozen=True, tag="macs"):
    """Multiply-accumulates."""


class ParametersGoal(_Share, frozen=True, tag="parameters"):
    """Numbers in all parameters."""


class LatencyGoal(_Share, frozen=True, tag="latency"):
    """Milliseconds for `batch` images, measured on this machine in a runtime."""

    batch: int = 1
    runtime: RuntimeConfig = RuntimeConfig()


class AccuracyGoal(_Goal, frozen=True, tag="accuracy"):
    """Each group, alone, may lose so much top-1 accuracy (0 to 1), before anything is tuned."""

    drop: float

    def __post_init__(self) -> None:
        if not 0 <= self.drop < 1:
            raise ValueError(f"an accuracy drops by 0 to 1, not by {self.drop:g}")


AnyGoal = MacsGoal | ParametersGoal | LatencyGoal | AccuracyGoal
