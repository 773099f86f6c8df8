"""How well do sums of blocks predict whole networks, by each runtime and data type?

Measures a table per runtime, then checks it against whole networks that its fit did not see. What
is compared stands within one table, measured in one session: the error of the calibrated table
beside its noise floor and beside a line over MACs.
"""

import time
from pathlib import Path

from msgspec import Struct

from latency_tables import LatencyTable
from latency_tables.check import check_table
from latency_tables.measure import measure_space
from latency_tables.report import CheckReport, Figures
from latency_tables.runtimes import RuntimeConfig, open_runtime
from proxyless_nas.command import Command, run_one
from proxyless_nas.files import read_json
from proxyless_nas.spaces import named_space


class TablesConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Measure and check one table per runtime and data type; print one line each."""

    space: str = "imagenet-mobile"
    """The space whose blocks and networks are measured."""
    runtimes: tuple[str, ...] = (
        "onnxruntime",
        "onnxruntime:int8",
        "eager",
        "openvino",
        "openvino:int8",
    )
    """NAME or NAME:DTYPE; also inductor and tvm, whose networks take minutes to compile."""
    out: str = "runs/tables"
    """Folder of the tables and of their reports; a table that is there is not measured again."""
    fit: int = 12
    """Networks that each table is calibrated on."""
    test: int = 30
    """Other networks that it is judged on."""
    widths: tuple[float, ...] = (0.75, 1.25)
    """It is also judged on networks at these widths."""
    per_width: int = 10
    """Number of networks at each width."""
    visits: int = 20
    """Visits to each network and block."""
    attempts: int = 3
    """Measure a contended table again, up to so many times in all."""
    seed: int = 0
    """Draws the networks, shuffles the visits."""


def table_and_report(config: TablesConfig, what: str) -> tuple[LatencyTable, CheckReport, float]:
    """A table, its check, and the seconds that the table took (0 where it was there)."""
    name, _, dtype = what.partition(":")
    dtype = dtype or "float32"
    path = Path(config.out) / f"{config.space}-{name}-{dtype}.json"
    runtime = open_runtime(RuntimeConfig(runtime=name, dtype=dtype))  # type: ignore[arg-type]
    seconds = 0.0
    if not path.exists():
        begin = time.perf_counter()
        measure_space(
            named_space(config.space), path, runtime=runtime, seed=config.seed,
            attempts=config.attempts,
        )  # fmt: skip
        seconds = time.perf_counter() - begin
    report = Path(f"{path}.check.json")
    if seconds or not report.exists():
        check_table(
            path,
            fit=config.fit,
            test=config.test,
            widths=config.widths,
            per_width=config.per_width,
            visits=config.visits,
            seed=config.seed,
            runtime=runtime,
            allow_contended=True,
        )
    return LatencyTable.load(path, allow_contended=True), read_json(report, CheckReport), seconds


def main(config: TablesConfig) -> None:
    """One block of lines per runtime, as they come."""
    print(f"{config.space}: fitted on {config.fit}, tested on {config.test} other networks")
    print(
        f"{'':<34}{'raw':>8}{'calibr.':>9}{'noise':>8}{'MACs':>8}{'RMSE us':>9}"
        f"{'Spearman':>10}{'Kendall':>9}"
    )
    for what in config.runtimes:
        table, report, seconds = table_and_report(config, what)
        _row(what, report.calibrated, report.macs_line, report.noise_floor, report.raw.mape)
        for other in report.elsewhere:
            name = f"  {other.networks} {other.name}"
            _row(name, other.calibrated, other.macs_line, other.noise_floor)
        spent = f"measured in {seconds:.1f} s; " if seconds else ""
        reason = table.head.reason or report.contended
        print(f"  {spent}{len(table.entries)} entries; contended: {reason or 'no'}", flush=True)


def _row(name: str, found: Figures, line: Figures, noise: float, raw: float | None = None) -> None:
    print(
        f"{name:<34}{'' if raw is None else f'{raw:.2%}':>8}{found.mape:>9.2%}{noise:>8.2%}"
        f"{line.mape:>8.2%}{found.rmse_ms * 1000:>9.1f}{found.spearman:>10.3f}"
        f"{found.kendall:>9.3f}",
        flush=True,
    )


if __name__ == "__main__":
    run_one("python -m benchmarks.latency_tables_check", Command(TablesConfig, main))
