"""How near can TVM come to ONNX Runtime? Its plain loops, its tuner, and our schedules by hand.

Three blocks of a mobile network, from early and large to late and small. Everything is timed in the
same shuffled rounds of one process, on one thread, one image, in CPU time of the thread (the
protocol of latency tables). Ratios are taken round by round, because a slow spell of the machine
slows both sides.
"""

import tempfile
import time
from collections.abc import Mapping

import numpy as np
import onnxruntime
import tvm
from msgspec import Struct
from msgspec.structs import replace
from tvm import relax

from latency_tables.entry import p10_ms
from latency_tables.model import Model
from latency_tables.networks import time_calls
from latency_tables.parts import BlockPart
from latency_tables.protocol import SENTINEL, Protocol, Visits, contention
from latency_tables.runtimes import OnnxRuntime
from latency_tables.runtimes.tvm.building import Recipe, build, read
from latency_tables.runtimes.tvm.targets import HOST, target_of
from latency_tables.runtimes.tvm.tuning import output
from latency_tables.spells import undisturbed
from latency_tables.stopwatch import Call
from proxyless_nas import MBConv, Shape
from proxyless_nas.command import Command, run_one

BASE = "onnxruntime"
BLOCKS = {
    "A": BlockPart(MBConv(24, 144, 3, residual=True), Shape(24, 56, 56)),
    "B": BlockPart(MBConv(80, 480, 5, residual=True), Shape(80, 14, 14)),
    "C": BlockPart(MBConv(192, 1152, 7, residual=True), Shape(192, 7, 7)),
}


class SchedulesConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Compare TVM's schedules with ONNX Runtime on three blocks of a mobile network."""

    trials: int = 64
    """Trials of TVM's tuner per block."""
    records: str | None = None
    """Folder that keeps what the tuner found; with one, a second run does not tune."""
    visits: int = 24
    """Rounds."""
    visit_ms: float = 60.0
    """Timed milliseconds per block, variant and round."""
    seed: int = 0
    """Seed of the order in each round."""


class Built(Struct, frozen=True):
    """A block that TVM made ready: its call, how long building took, its largest error."""

    call: Call
    build_s: float
    error: float


def built(model: Model, recipe: Recipe) -> Built:
    """Build, and compare with what ONNX Runtime computes."""
    begin = time.perf_counter()
    executable = build(model, target_of(HOST), recipe)
    build_s = time.perf_counter() - begin
    x = np.random.default_rng(0).standard_normal(model.sides, dtype=np.float32)
    session = onnxruntime.InferenceSession(read(model).SerializeToString())
    right = np.asarray(session.run(None, {"x": x})[0])
    error = float(np.abs(output(executable, x) - right).max())
    main = relax.VirtualMachine(executable, tvm.cpu())["main"]  # type: ignore[arg-type]
    given = tvm.runtime.tensor(x)

    def call() -> None:
        main(given)

    return Built(call, build_s, error)


def measure(calls: Mapping[str, Call], config: SchedulesConfig) -> Visits:
    """Visits of every call, one per round, and of the sentinel."""
    protocol = Protocol(
        visit_ms=config.visit_ms, min_visits=config.visits, max_visits=config.visits
    )
    return time_calls(calls, OnnxRuntime(), protocol, config.seed)


def row(visits: Visits, calm: Visits, name: str, base: str, one: Built | None) -> str:
    """Time, the ratio to ONNX Runtime round by round, and what building took and gave."""
    pairs = zip(visits[name], visits[base], strict=True)
    ratios = [above.statistic / below.statistic for above, below in pairs]
    low, middle, high = np.percentile(ratios, [0, 50, 100])
    made = f"{one.build_s:8.1f} {one.error:10.1e}" if one else ""
    spread = f"{middle:6.2f} ({low:.2f} to {high:.2f})"
    return f"{name:<22} {p10_ms(calm[name]) * 1e3:9.1f}  {spread:<24} {made}".rstrip()


def main(config: SchedulesConfig) -> None:
    """Build, tune, measure; print a row for each block and variant."""
    if config.records is None:
        with tempfile.TemporaryDirectory() as folder:
            compare(replace(config, records=folder))
    else:
        compare(config)


def compare(config: SchedulesConfig) -> None:
    """`main`, with a folder for what the tuner finds."""
    recipes = {
        "tvm none": Recipe("none"),
        f"tvm tuned {config.trials}": Recipe("tuned", config.trials, config.records),
        "tvm hand": Recipe("hand"),
    }
    calls: dict[str, Call] = {}
    ready: dict[str, Built] = {}
    for name, part in BLOCKS.items():
        model = part.model()
        calls[f"{name} {BASE}"] = OnnxRuntime().prepare(model)
        for kind, recipe in recipes.items():
            ready[f"{name} {kind}"] = built(model, recipe)
            calls[f"{name} {kind}"] = ready[f"{name} {kind}"].call
    visits = measure(calls, config)
    calm = undisturbed(visits)
    sentinel = calm[SENTINEL]
    print(
        f"TVM {tvm.__version__}, ONNX Runtime {onnxruntime.__version__}, "
        f"{target_of(HOST)['mcpu']}, batch 1, 1 thread, {config.visits} rounds, "
        f"{len(sentinel)} of them undisturbed"
    )
    timed = (one for name in calls for one in calm[name])
    reason = contention(timed, sentinel)
    if reason is not None:
        print(f"warning: {reason}")
    for name, part in BLOCKS.items():
        print(f"{name}: {part.key}")
    head = f"ratio to {BASE} (range)"
    print(f"{'':<22} {'CPU us':>9}  {head:<24} {'build s':>8} {'max error':>10}")
    for name in calls:
        print(row(visits, calm, name, f"{name[0]} {BASE}", ready.get(name)))


if __name__ == "__main__":
    run_one("python benchmarks/tvm_schedules.py", Command(SchedulesConfig, main))
