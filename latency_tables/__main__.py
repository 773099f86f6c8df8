"""The command line: python -m latency_tables measure | check | show | compare | simulate | ..."""

import time

from msgspec import Struct

from latency_tables.charts.folder import write_charts
from latency_tables.check import check_table
from latency_tables.compare_command import CompareConfig, run_compare
from latency_tables.exporting import ExportConfig, run_export
from latency_tables.head import Context, DataType, Granularity, ScheduleName
from latency_tables.importing import ImportConfig, run_import
from latency_tables.measure import measure_space
from latency_tables.protocol import Protocol
from latency_tables.report import lines
from latency_tables.runtimes import RuntimeConfig, RuntimeName, open_runtime
from latency_tables.show import listing, shipped_listing
from latency_tables.simulate.command import SimulateConfig, run_simulate
from latency_tables.table import LatencyTable
from proxyless_nas.command import Command, run_many
from proxyless_nas.load import load_spec
from proxyless_nas.spaces import named_space


class MeasureConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Time the blocks of a space on a device and write a latency table.

    A run that was stopped continues with the same command. A table that exists already keeps its
    entries; only missing ones are measured.
    """

    space: str
    """Name of the space: fashion, smoke, imagenet-mobile; -wX and -rN change width and side."""
    out: str
    """The table's file, for example runs/demo/table.json."""
    network: str | None = None
    """A spec.json whose blocks are measured as well, for example a pruned network."""
    runtime: RuntimeName = "onnxruntime"
    """The program that runs the models."""
    device: str = "cpu"
    """Where: cpu (this machine), cuda, or rpc://HOST:PORT/KEY (a tracker and its device)."""
    target: str | None = None
    """What tvm compiles for: a preset such as raspberry-pi-4, or JSON; by default this CPU."""
    schedule: ScheduleName = "hand"
    """How tvm orders loops: hand (our own schedules), none (as they come), tuned (by trials)."""
    trials: int = 0
    """Tuning trials of tvm per model; belongs to --schedule tuned."""
    records: str | None = None
    """Folder of tvm's tuning records: kept, and used again."""
    dtype: DataType = "float32"
    """The data type that models are run in."""
    threads: int = 1
    """CPU threads per model; with more than one the clock is wall time."""
    batch: int = 1
    """Images per call; entries are per call."""
    granularity: Granularity = "block"
    """What an entry prices: a whole block, or one layer of it."""
    context: Context | None = None
    """How a block is seen: alone, or chained (int8's default): as what it adds to a convolution."""
    tolerance: float = 0.02
    """Stop visiting a block when its 95 % half-width is below this fraction."""
    visit_ms: float = 3.0
    """Time of one visit to a block, in ms."""
    spread_s: float = 15.0
    """Spread the visits over at least so many seconds, to see past slow spells of the machine."""
    min_visits: int = 20
    """The least number of visits to a block."""
    max_visits: int = 60
    """The most visits to a block, however much they differ."""
    attempts: int = 1
    """Measure a table that turns out contended again, up to so many times in all."""
    seed: int = 0
    """Shuffles the order of visits."""
    fresh: bool = False
    """Measure everything anew, even where a table or a journal exists."""


class CheckConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Compare a table with whole networks measured now, and calibrate it.

    The calibration goes into the table; the report, with every network in it, into a JSON file.
    """

    table: str
    """A table that `measure` wrote."""
    fit: int = 12
    """Number of networks the calibration is fitted on."""
    test: int = 30
    """Number of other networks it is judged on."""
    widths: tuple[float, ...] = (0.75, 1.25)
    """Judge it also on networks of the space at these widths, which the fit never sees."""
    per_width: int = 10
    """Number of networks at each of those widths."""
    visits: int = 20
    """Visits to each network and each block."""
    seed: int = 0
    """Draws the networks and shuffles the visits."""
    max_mape: float | None = None
    """End with exit code 2 if the calibrated error is above this fraction, for example 0.05."""
    out: str | None = None
    """The report's file; by default TABLE.check.json."""
    device: str | None = None
    """The address of a device behind a tracker: rpc://HOST:PORT/KEY."""
    records: str | None = None
    """Folder of tvm's tuning records."""
    allow_contended: bool = False
    """Check a table even though it was measured on a busy machine."""


class ShowConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Print a table: where it comes from, and its entries, the most expensive first."""

    table: str | None = None
    """A table that `measure` or `import` wrote, or a shipped one's name; without it: their list."""
    plots: str | None = None
    """Draw it into this folder: table.html, and each of its charts as SVG."""
    network: str | None = None
    """Where the latency of this network goes (a spec.json or a name), not that of the space."""


def measure(config: MeasureConfig) -> None:
    space = named_space(config.space)
    space.must_be_blockwise()
    protocol = Protocol(
        visit_ms=config.visit_ms,
        spread_s=config.spread_s,
        min_visits=config.min_visits,
        max_visits=config.max_visits,
        tolerance=config.tolerance,
    )
    runtime = open_runtime(
        RuntimeConfig(
            runtime=config.runtime,
            device=config.device,
            dtype=config.dtype,
            threads=config.threads,
            target=config.target,
            schedule=config.schedule,
            trials=config.trials,
            records=config.records,
        )
    )
    extra = ()
    if config.network is not None:
        extra = tuple((block, shape) for _, block, shape in load_spec(config.network).placed())
    start = time.perf_counter()
    table = measure_space(
        space,
        config.out,
        runtime=runtime,
        protocol=protocol,
        batch=config.batch,
        granularity=config.granularity,
        context=config.context,
        seed=config.seed,
        extra=extra,
        fresh=config.fresh,
        attempts=config.attempts,
    )
    print(
        f"{config.out}: {len(table.entries)} entries of space {space.name} on "
        f"{table.head.identity.device}, {time.perf_counter() - start:.1f} s"
    )
    if table.head.contended:
        print(
            f"contended: {table.head.reason}; others refuse this table unless they are told "
            "--allow-contended; measure again on a calm machine (--fresh)"
        )
    if table.calibration is None:
        print(f"next: python -m latency_tables check --table {config.out}")


def check(config: CheckConfig) -> None:
    report = check_table(
        config.table,
        fit=config.fit,
        test=config.test,
        widths=config.widths,
        per_width=config.per_width,
        visits=config.visits,
        seed=config.seed,
        out=config.out,
        allow_contended=config.allow_contended,
        device=config.device,
        records=config.records,
    )
    print("\n".join(lines(report)))
    if config.max_mape is not None and report.calibrated.mape > config.max_mape:
        raise ValueError(
            f"{config.table}: the calibrated error {report.calibrated.mape:.2%} is above "
            f"--max-mape {config.max_mape:.2%}; noise floor {report.noise_floor:.2%}"
        )


def show(config: ShowConfig) -> None:
    if config.network is not None and config.plots is None:
        raise ValueError("--network tells --plots what to draw: say --plots FOLDER too")
    if config.table is None:
        print("\n".join(shipped_listing()))
        return
    table = LatencyTable.load(config.table, allow_contended=True)
    print("\n".join(listing(table)))
    if config.plots is not None:
        network = load_spec(config.network) if config.network is not None else None
        print("\n".join(["", *write_charts(table, config.plots, network)]))


COMMANDS = {
    "measure": Command(MeasureConfig, measure),
    "check": Command(CheckConfig, check),
    "show": Command(ShowConfig, show),
    "import": Command(ImportConfig, run_import),
    "export": Command(ExportConfig, run_export),
    "compare": Command(CompareConfig, run_compare),
    "simulate": Command(SimulateConfig, run_simulate),
}

if __name__ == "__main__":
    run_many("python -m latency_tables", COMMANDS)
