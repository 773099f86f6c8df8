"""How good is the main road? Mean and deviation over finished runs of `examples.main_road`.

python -m benchmarks.main_road --runs runs/demo runs/seed-1 runs/seed-2
"""

import statistics
from pathlib import Path

from msgspec import Struct

from examples.main_road.config import RoadConfig
from examples.main_road.stages import Road
from examples.main_road.tell import story_of
from latency_tables.report import CheckReport
from proxyless_nas.command import Command, run_one
from proxyless_nas.files import read_json
from search.report.verdict import comparison


class SummaryConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Mean and deviation of every figure over finished runs of the main road."""

    runs: tuple[str, ...]
    """Folders of the runs."""


def figures_of(folder: Path) -> dict[str, float]:
    """The figures of one run; a ratio that has no counterpart is left out."""
    road = Road(read_json(folder / "config.json", RoadConfig), folder)
    story = story_of(road)
    ours, found = story.result, comparison(story)
    assert ours is not None and found is not None
    check = read_json(f"{road.table_path}.check.json", CheckReport)
    randoms = [one.test_accuracy for one in story.networks if one.family == "random"]
    figures = {
        "searched: test accuracy, %": 100 * ours.test_accuracy,
        "random networks near the target: mean test accuracy, %": 100 * statistics.mean(randoms),
        "target, us": 1000 * road.target_ms(),
        "searched: measured, us": 1000 * ours.measured_ms,
        "searched: measured against target, %": 100 * (ours.measured_ms / road.target_ms() - 1),
        "table check: calibrated MAPE, %": 100 * check.calibrated.mape,
        "table check: noise floor, %": 100 * check.noise_floor,
        "table check: MACs-only MAPE, %": 100 * check.macs_line.mape,
        "table check: Spearman": check.calibrated.spearman,
    }
    if found.reaches:
        figures["fastest hand-made of equal accuracy: measured, us"] = (
            found.rival.measured_ms * 1000
        )
        figures["... over searched, times"] = found.ratio
    else:
        figures["no hand-made is as accurate; the best: accuracy, %"] = (
            100 * found.rival.test_accuracy
        )
        figures["... its latency over searched, times"] = found.ratio
    return figures


def main(config: SummaryConfig) -> None:
    """Print one row per figure: mean, deviation, and each run's value."""
    runs = [figures_of(Path(folder)) for folder in config.runs]
    names = list(dict.fromkeys(name for run in runs for name in run))
    print(f"{'':<56}{'mean':>9}{'dev':>8}   runs")
    for name in names:
        values = [run[name] for run in runs if name in run]
        deviation = statistics.stdev(values) if len(values) > 1 else 0.0
        listed = "  ".join(f"{run[name]:.3f}" if name in run else "none" for run in runs)
        print(f"{name:<56}{statistics.mean(values):>9.3f}{deviation:>8.3f}   {listed}")


if __name__ == "__main__":
    run_one("python -m benchmarks.main_road", Command(SummaryConfig, main))
