"""Score a trained network: accuracy, size, work, speed, predicted and measured latency."""

import os
from pathlib import Path
from typing import Annotated

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # idle threads leave the cores to decoders

import torch
from msgspec import Struct
from torch import nn

from compression.quantizers.files import QUANTIZED, open_quantized
from compression.quantizers.report import sizes_of
from latency_tables.cost import TableLatency
from latency_tables.model import Model
from latency_tables.networks import measure_networks
from latency_tables.runtimes import OnnxRuntime, Runtime, runtime_of
from latency_tables.table import LatencyTable
from proxyless_nas import Shape, macs_of, parameters_of
from proxyless_nas.command import Command, run_one, short
from proxyless_nas.layer import FLOAT_BYTES
from proxyless_nas.subject import Subject, load_its_weights, open_subject
from training.datasets import (
    DatasetName,
    Interpolation,
    NormalisationName,
    Reading,
    open_test,
    usual_dataset,
)
from training.device import DeviceName, pick_device
from training.evaluate import Evaluation, Pace, evaluate_timed


class EvalConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Evaluate a network on test images and say what it costs."""

    arch: Annotated[str, short("a")]
    """The network: a file (ours, the original's, YAML), a published name, one of torchvision's, or
    module:function, code of your own that makes one (with --resolution and --num-classes).
    A quantized.json is scored as it rounds."""
    weights: str | None = None
    """Its weights; default: the weights.pt beside the file, or the published ones of a name."""
    path: Annotated[str | None, short("p")] = None
    """The data:
    imagenet, folder: the folder that holds val/, or val/ itself;
    cifar10: an .npz, or a folder with test/CLASS/* or torchvision's batches;
    fashion: the folder with its four files.
    cifar10 and fashion are looked for and fetched where no path is given."""
    dataset: Annotated[DatasetName | None, short("d")] = None
    """Which data; when not given, it is told from the network:
    imagenet for 1000 classes of 3 channels, cifar10 for 10 classes of 3x32x32,
    fashion for 10 classes of 1x28x28."""
    num_classes: int | None = None
    """Classes that the weights tell apart; default: the network's."""
    resolution: int | None = None
    """Side of the input in pixels, for imagenet and folder; default: the description's."""
    normalise: NormalisationName | None = None
    """Mean and deviation of pixels (half: 0.5 and 0.5); default: the dataset's own."""
    interpolation: Interpolation | None = None
    """How image files are scaled; default: bilinear."""
    centre: float | None = None
    """Share of an image file's shorter side that is looked at; default: 0.875."""
    limit: int | None = None
    """Use only so many test images, as evenly from all classes as can be."""
    batch_size: Annotated[int, short("b")] = 64
    """Images per step."""
    workers: Annotated[int | None, short("j")] = None
    """Processes that decode image files; default: one per core, at most 16."""
    device: DeviceName = "auto"
    """Where the network runs; auto is a GPU where there is one."""
    threads: int | None = None
    """CPU threads of the network; default: all cores."""
    table: str | None = None
    """A latency table, for the predicted latency."""
    allow_contended: bool = False
    """Take a table even though it was measured on a busy machine."""
    measure: bool = False
    """Measure the latency on this machine: as the table was, or in ONNX Runtime, one thread."""


def main(config: EvalConfig) -> None:
    """Print one line per figure."""
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    device = pick_device(config.device)
    rounds = Path(config.arch).name == QUANTIZED
    subject, network = quantized(config) if rounds else in_float(config)
    table = LatencyTable.load(config.table, config.allow_contended) if config.table else None
    latency = {} if table is None else {"predicted latency": predicted(subject, table)}
    dataset = config.dataset or usual_dataset(subject.input, subject.classes)
    reading = Reading(
        resolution=subject.input.height,
        normalise=config.normalise,
        interpolation=config.interpolation,
        centre=config.centre,
        workers=config.workers,
    )
    exam = open_test(dataset, config.path, reading, config.limit)
    exam.must_fit(subject.input, subject.classes)
    result, pace = evaluate_timed(network, exam, config.batch_size, device)
    if config.measure:
        latency |= measured(subject, network, table)
    figures = {"network": subject.name, "data": exam.name, **scores(result, pace)}
    figures |= rounded_sizes(network, subject.input) if rounds else sizes(network, subject.input)
    for name, figure in (figures | latency).items():
        print(f"{name:<21} {figure}")


def in_float(config: EvalConfig) -> tuple[Subject, nn.Module]:
    """The network of a config, with its weights."""
    subject = open_subject(config.arch, config.resolution, config.num_classes)
    network = subject.build(seed=0)
    load_its_weights(network, config.arch, config.weights)
    return subject, network


def quantized(config: EvalConfig) -> tuple[Subject, nn.Module]:
    """That of a quantized.json; ValueError for flags that it has no answer to."""
    if config.resolution is not None or config.num_classes is not None:
        raise ValueError(f"{config.arch} says its resolution and classes: leave the flags out")
    if config.table is not None or config.measure:
        raise ValueError(
            f"{config.arch} rounds in float, which says nothing of speed: leave --table and "
            "--measure out; python -m latency_tables simulate prices its bits.json, "
            "python -m compression int8 measures 8 bits"
        )
    network, subject = open_quantized(
        Path(config.arch), None if config.weights is None else Path(config.weights)
    )
    return subject, network


def scores(result: Evaluation, pace: Pace) -> dict[str, str]:
    """How good and how fast it was on these images."""
    return {
        "test images": f"{result.images:,}",
        "top-1": f"{result.top1:.2%} ({result.right:,} of {result.images:,})",
        "top-5": f"{result.top5:.2%} ({result.right5:,} of {result.images:,})",
        "loss": f"{result.loss:.4f}",
        "throughput": f"{pace.images_per_second:,.0f} images/s end to end; the network waited for "
        f"images {pace.waited / pace.seconds:.0%} of the time",
    }


def sizes(network: nn.Module, input: Shape) -> dict[str, str]:
    """How much there is to keep, and to compute."""
    parameters = parameters_of(network)
    return {
        "parameters": f"{parameters:,}",
        "MACs": f"{macs_of(network, input):,} at {input}",
        "weights": f"{parameters * FLOAT_BYTES / 1e6:.3f} MB as float32",
    }


def rounded_sizes(network: nn.Module, input: Shape) -> dict[str, str]:
    """The same where layers have bits; steps and biases are not counted as weights."""
    found = sizes_of(network, input)
    return {
        "MACs": f"{macs_of(network, input):,} at {input}",
        "weights": f"{found.bytes / 1e6:.3f} MB at their bits; {found.float_bytes / 1e6:.3f} MB as "
        "float32",
        "bit operations": f"{found.operations / 1e9:.3f} G; "
        f"{found.float_operations / 1e9:.3f} G in float32",
    }


def predicted(subject: Subject, table: LatencyTable) -> str:
    """What the table says of the network; ValueError for one without a description."""
    if subject.spec is None:
        raise ValueError(f"--table: {subject.name} has no description that a table could price")
    return f"{TableLatency(table).network(subject.spec):.4f} ms"


def measured(subject: Subject, network: nn.Module, table: LatencyTable | None) -> dict[str, str]:
    """What the network takes here and now; as the table was measured, if it was on such a device.

    Any other table's device cannot be had here, so ONNX Runtime on this CPU measures.
    """
    runtime: Runtime = OnnxRuntime()
    identity = table.head.identity if table is not None else None
    here = identity is not None and identity.device.same_kind(runtime.device())
    if identity is not None and here:
        runtime = runtime_of(identity)
    model = Model(
        subject.name, lambda: network.cpu(), subject.input, identity.batch if identity else 1
    )
    protocol = identity.protocol if identity is not None else None
    (timed,) = measure_networks([model], protocol=protocol, runtime=runtime)
    spread = f"p10; p50 {timed.p50_ms:.4f}, p90 {timed.p90_ms:.4f}"
    figures = {"measured latency": f"{timed.p10_ms:.4f} ms ({spread}; {runtime.info().name})"}
    if table is not None and here:
        figures["at the table's speed"] = f"{timed.at_table_speed(table):.4f} ms"
    return figures


if __name__ == "__main__":
    run_one("python eval.py", Command(EvalConfig, main))
