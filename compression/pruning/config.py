"""What a pruning can be told: one YAML file for all four steps."""

from msgspec import Struct

from compression.importance import L2, AnyImportance
from compression.pruning.choices import AnyChoice, BySensitivity, RandomNetworks
from compression.pruning.goals import AccuracyGoal, AnyGoal, LatencyGoal
from compression.refit import Repair
from compression.selectors import Where
from compression.sensitivity import SHARES
from training.config import TrainConfig


class Pruning(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The network and its data, what it may cost, and how to get there."""

    out: str
    """Folder for everything that the four steps leave."""
    train: TrainConfig
    """The network (`arch`, `weights`), its data, and its fine-tuning, as for main.py."""
    goal: AnyGoal
    """What may be left."""
    choose: AnyChoice | None = None
    """How many channels of each group go; default: least-lost, for an accuracy by-sensitivity."""
    score: AnyImportance = L2()
    """Which ones: those with the least score."""
    repair: Repair | None = None
    """What `prune` does for the layers that took what is gone; default: nothing."""
    where: Where = Where()
    """Whose channels may go: a group only leaves with all the layers that make it."""
    multiple: int = 1
    """Widths are multiples of this."""
    shares: tuple[float, ...] = SHARES
    """What `ana` takes from each group, one after another."""
    judged_on: int = 2000
    """Training images that judge a network before it is tuned; fine-tuning learns them too."""
    seen: int = 512
    """Training images for scores that look at some, repairs, and statistics of batch norms."""
    recalibrate: bool = True
    """Estimate batch-norm statistics anew before a network is judged by `ana`."""
    spread_s: float = 15.0
    """Seconds over which latencies of layers, and those of the report, are measured, at least."""

    def __post_init__(self) -> None:
        if self.train.out is not None:
            raise ValueError("train.out: fine-tuning writes into `out`/finetune; leave it out")
        if self.train.compress is not None:
            raise ValueError(
                "train.compress: a recipe has steps of its own (main.py --compress); leave it out"
            )
        if isinstance(self.goal, AccuracyGoal) and self.choose not in (None, BySensitivity()):
            raise ValueError("a goal in accuracy is met `by: by-sensitivity`: leave `choose` out")
        if isinstance(self.goal, LatencyGoal) and isinstance(self.choose, RandomNetworks):
            raise ValueError(
                "`random-networks` would measure thousands of latencies: choose `by: least-lost`"
            )
        if not self.shares or not all(0 < share < 1 for share in self.shares):
            raise ValueError("`shares` lie between 0 and 1, and there is at least one")
        for name in ("multiple", "judged_on", "seen"):
            if getattr(self, name) < 1:
                raise ValueError(f"`{name}` {getattr(self, name)} is below 1")
        if self.spread_s < 0:
            raise ValueError(f"`spread_s` {self.spread_s} is below 0")
