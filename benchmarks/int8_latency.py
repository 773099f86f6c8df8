"""How much faster are networks in int8 here, and do they answer alike?

Of every network: the file in float, the one in int8, and those in which some layers stay in float,
in ONNX Runtime; the first two in OpenVINO too, where it is installed. One thread, batch 1, visited
in the same shuffled rounds; times are CPU time, of the process where OpenVINO takes part (it works
in a thread of its own). A network has learned where a file FILE.pth lies beside its FILE.json:
then training images set the ranges, and test images tell whether both answer alike. Others have
random weights, and noise sets their ranges.
"""

from pathlib import Path

import numpy as np
import torch
import tyro
from msgspec import Struct
from torch import Tensor

from compression.analysis.subject import ImagesConfig, Opened, exam_of, images_of, opened
from compression.channels.cut import noise
from compression.int8.answers import Ask, answers_of, in_onnxruntime
from compression.int8.files import FLOAT, INT8, Tried, files_of
from compression.int8.graph import changed, kernels_of, layers_in
from compression.int8.make import RangeName, sums_are_exact
from compression.quantizers.fold import folded
from latency_tables.entry import p10_ms
from latency_tables.model import OnnxModel
from latency_tables.networks import time_calls
from latency_tables.protocol import SENTINEL, Protocol, Visits, contention
from latency_tables.runtimes import OnnxRuntime, Runtime, RuntimeConfig, open_runtime
from latency_tables.spells import undisturbed
from latency_tables.stopwatch import Call
from proxyless_nas.command import Command, run_one
from training.datasets import Exam, NormalisationName

NAMES = ("torchvision:mobilenet_v2", "torchvision:resnet18", "proxyless_mobile")
NOISE = 8  # images of it that set the ranges of a network that has not learned


class Int8LatencyConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Compare the speed and the answers of networks in float and in int8."""

    names: tyro.conf.Positional[tuple[str, ...]] = NAMES
    """Published names, names of torchvision's networks, or files."""
    path: str | None = None
    """The folder with train/ and val/ of ImageNet, for networks that have learned."""
    normalise: NormalisationName = "half"
    """Mean and deviation of pixels that they learned with."""
    limit: int = 250
    """Training images that set the ranges."""
    ranges: RangeName = "min-max"
    """How far levels of activations reach over what images make of them."""
    visits: int = 20
    """Rounds."""
    visit_ms: float = 40.0
    """Timed milliseconds per file and round."""
    spread_s: float = 15.0
    """Spread the rounds over at least so many seconds."""


class Seen(Struct, frozen=True):
    """A file in a runtime: once called, once asked; its integer layers, all, and changed ones."""

    call: Call
    ask: Ask
    integer: int
    layers: int
    changed: list[str]


def images_for(name: str, config: Int8LatencyConfig) -> tuple[Opened, Tensor, Exam | None]:
    """A network, images to set its ranges by, and test images where it has learned."""
    weights = Path(name).with_suffix(".pth")
    told = ImagesConfig(
        arch=name,
        weights=str(weights) if weights.is_file() else None,
        path=config.path,
        dataset="imagenet",
        normalise=config.normalise,
        limit=config.limit,
    )
    source = opened(told)
    if source.fresh:
        return source, noise(source.subject.input, source.network, NOISE), None
    batches = images_of(told, source.subject).test_batches(told.batch_size)
    return source, torch.cat([x for x, _ in batches]), exam_of(told, source.subject, None)


def everywhere(tried: Tried, beside: Runtime | None) -> dict[str, Seen]:
    """By name, all files in ONNX Runtime, and those in float and in int8 in the other runtime."""
    found: dict[str, Seen] = {}
    for name, data in tried.files.items():
        kernels = kernels_of(data, runs=1)
        found[name] = Seen(
            OnnxRuntime().prepare(OnnxModel(name, data)),
            in_onnxruntime(data),
            sum(kernel.integer for kernel in kernels.values()),
            len(kernels),
            changed(layers_in(data), kernels, tried.keep[name]),
        )
    if beside is not None:
        from compression.int8.in_openvino import in_openvino

        for name in (FLOAT, INT8):
            call = beside.prepare(OnnxModel(name, tried.files[name]))
            found[f"{name}, OpenVINO"] = Seen(call, *in_openvino(tried.files[name]), [])
    return found


def ratios(visits: Visits, above: str, below: str) -> str:
    """Of two files, round by round: median, and the range of the middle half."""
    pairs = zip(visits[above], visits[below], strict=True)
    low, middle, high = np.percentile([a.statistic / b.statistic for a, b in pairs], [25, 50, 75])
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


def compare(name: str, config: Int8LatencyConfig, beside: Runtime | None) -> None:
    """Print one table."""
    source, images, exam = images_for(name, config)
    shape, narrow = source.subject.input, not sums_are_exact()
    network = folded(source.network, shape)
    tried = files_of(network, shape, images, config.ranges, narrow)
    seen = everywhere(tried, beside)
    protocol = Protocol(
        visit_ms=config.visit_ms,
        spread_s=config.spread_s,
        min_visits=config.visits,
        max_visits=config.visits,
    )
    calls = {file: one.call for file, one in seen.items()}
    visits = time_calls(calls, beside or OnnxRuntime(), protocol, seed=0, show=False)
    calm = undisturbed(visits)
    answers = {}
    if exam is not None:
        asked = {file: one.ask for file, one in seen.items()}
        answers = answers_of(asked, exam.test_batches(50))
    bits = "7 bits, 8 in depthwise layers" if narrow else "8 bits"
    print(f"\n{source.name}, {shape.height}x{shape.width}, weights of {bits}")
    print(f"{'':<20} {'ms':>8}  {'float32 / it':<22} {'int8 layers':>12}  top-1, as float32")
    for file, one in seen.items():
        first = FLOAT if file in tried.files else f"{FLOAT}, OpenVINO"
        told = answers.get(file)
        print(
            f"{file:<20} {p10_ms(calm[file]):>8.3f}  {ratios(visits, first, file):<22}"
            f" {f'{one.integer} of {one.layers}':>12}"
            + (f"  {told.right / told.images:.1%}, {told.alike / told.images:.1%}" if told else "")
        )
    for file, one in seen.items():
        if one.changed:
            print(f"silently changed in {file}: {', '.join(one.changed)}")
    print(f"slower in int8: {', '.join(tried.slower) or 'none'}")
    timed = [visit for file, those in calm.items() if file != SENTINEL for visit in those]
    reason = contention(timed, calm[SENTINEL])
    if reason is not None:
        print(f"warning: {reason}", flush=True)


def main(config: Int8LatencyConfig) -> None:
    """One table per network."""
    torch.set_num_threads(1)
    beside: Runtime | None = None
    try:
        beside = open_runtime(RuntimeConfig(runtime="openvino"))
    except ValueError as error:
        print(f"OpenVINO is not asked: {error}")
    print(f"batch 1, 1 thread, {config.visits} rounds; ratios: median of rounds (middle half)")
    for name in config.names:
        compare(name, config, beside)


if __name__ == "__main__":
    run_one("python -m benchmarks.int8_latency", Command(Int8LatencyConfig, main))
