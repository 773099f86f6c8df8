"""What a report tells people: the verdict, and the way out where too much was lost."""

from msgspec.structs import replace

from search.auto.costs import Cost, Limits
from search.auto.goal import Goal, Metric, read_goal
from search.auto.report import Report, Stage
from search.auto.searching import nearest
from search.problems.compressed import Compressed

FOUND = Report(
    network="small", goal="bytes=0.5x", drop=0.5, compressed=Compressed({}, {}, {}, False),
    stages=(Stage("whole", 0.9, 0.9), Stage("untuned", 0.9, 0.897)), test_images=1000,
    costs={"bytes": (1000.0, 499.0)}, bounds=read_goal("bytes=0.5x").bounds, macs=10, judged=3,
    seconds={"making": 1.0}, files=(),
)  # fmt: skip


def test_what_is_kept_and_what_is_lost() -> None:
    assert "0.30 points of accuracy lost on test images (0.5 may be lost)" in FOUND.verdict()
    assert "To lose less" not in FOUND.verdict()
    lost = replace(FOUND, stages=(FOUND.stages[0], Stage("untuned", 0.9, 0.85)))
    assert "but only 0.5 may be lost" in lost.verdict()
    assert "let what is left learn (--epochs 15)" in lost.verdict()
    tuned = replace(lost, stages=(*lost.stages, Stage("2 epochs of tuning", 0.9, 0.86)))
    assert "tune it longer (--epochs)" in tuned.verdict()


def test_how_near_it_came_is_beside_what_was_asked() -> None:
    goal: Goal = read_goal("bytes=0.001x macs=2k")
    costs: dict[Metric, Cost] = {"bytes": lambda one: 1.33, "macs": lambda one: 3000.0}
    limits = Limits(costs, goal.bounds, {"bytes": 1000.0, "macs": 4000.0})
    told = nearest(limits, FOUND.compressed)
    assert told == (
        "bytes 1.33 of 1,000 (0.00133x, asked 0.001x), macs 3,000 of 4,000 (0.75x, asked 0.5x)"
    )
