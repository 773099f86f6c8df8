"""The command `int8`: a trained network as an ONNX file in int8, if that is faster here."""

from pathlib import Path
from typing import Annotated

import torch
from msgspec import Struct
from torch import nn

from compression.analysis.subject import ImagesConfig, exam_of, images_of, opened
from compression.export import onnx_bytes
from compression.int8.answers import Answers, answers_of
from compression.int8.graph import kernels_of, layers_in, slower
from compression.int8.make import RangeName, int8_bytes, sums_are_exact
from compression.quantizers.fold import folded
from latency_tables.model import OnnxModel
from latency_tables.networks import Measured, measure_networks
from proxyless_nas.command import short
from proxyless_nas.files import write_bytes, write_json
from proxyless_nas.layer import Shape

FLOAT, INT8, MIXED = "float32", "int8", "mixed"
VISITS = 40


class Int8Config(ImagesConfig, frozen=True, kw_only=True):
    """Write a trained network as an int8 ONNX file, scored and timed in ONNX Runtime, one thread.

    The layers that are slower in int8 stay in float where that is faster in all. Where no file is
    faster than the one in float nothing is written, but for --always.
    """

    out: Annotated[str, short("o")]
    """The file, .onnx; a report is written beside it, .json."""
    ranges: RangeName = "min-max"
    """How far levels of activations reach over what images make of them."""
    narrow: bool | None = None
    """Weights of 7 bits, so that sums cannot saturate; default: where this CPU has no VNNI."""
    always: bool = False
    """Write the int8 file though it is slower than the one in float."""
    test_limit: int | None = None
    """Use only so many test images."""

    def __post_init__(self) -> None:
        if Path(self.out).suffix != ".onnx":
            raise ValueError(f"--out {self.out} must end with .onnx")


class Row(Struct, frozen=True, forbid_unknown_fields=True):
    """A file: its answers, its latency for one image, and how many of its layers are integers."""

    answers: Answers
    ms: float
    bytes: int
    integer: int
    layers: int


class Int8Report(Struct, frozen=True, forbid_unknown_fields=True):
    """All files that were tried, by name; `chosen` was written, if any was."""

    rows: dict[str, Row]
    slower: tuple[str, ...]
    """Layers that take longer in int8 than in float, by node."""
    narrow: bool
    chosen: str | None
    contended: str | None


def run_int8(config: Int8Config) -> None:
    """The command. ValueError where no int8 file is faster here."""
    source = opened(config)
    if source.fresh:
        raise ValueError(f"{source.name} has learned nothing: give --weights, or --pretrained")
    subject = source.subject
    images = torch.cat([x for x, _ in images_of(config, subject).test_batches(config.batch_size)])
    narrow = not sums_are_exact() if config.narrow is None else config.narrow
    files, late = files_of(
        folded(source.network, subject.input), subject.input, images, config.ranges, narrow
    )
    exam = exam_of(config, subject, config.test_limit)
    answers = answers_of(files, exam.test_batches(config.batch_size))
    models = [OnnxModel(name, data) for name, data in files.items()]
    times = dict(zip(files, measure_networks(models, visits=VISITS), strict=True))
    rows = {name: _row(files[name], answers[name], times[name]) for name in files}
    best = min((name for name in rows if name != FLOAT), key=lambda name: rows[name].ms)
    faster = rows[best].ms < rows[FLOAT].ms
    chosen = best if faster or config.always else None
    contended = next((one.contended for one in times.values() if one.contended), None)
    report = Int8Report(rows, tuple(late), narrow, chosen, contended)
    print(told(report))
    if chosen is None:
        raise ValueError(
            f"{best} takes {rows[best].ms / rows[FLOAT].ms:.2f} times as long as float32 on this "
            "machine: nothing was written; --always writes it anyway"
        )
    write_bytes(config.out, files[chosen])
    write_json(Path(config.out).with_suffix(".json"), report)
    print(f"{config.out}: {chosen}, {len(files[chosen]):,} bytes")


def files_of(
    network: nn.Module, shape: Shape, images: torch.Tensor, ranges: RangeName, narrow: bool
) -> tuple[dict[str, bytes], list[str]]:
    """By name the file in float, that in int8, and, where some layers are slower in int8, one in
    which those stay in float; and these layers. `network` has no batch norms."""
    data = onnx_bytes(network, shape)
    files = {FLOAT: data, INT8: int8_bytes(data, images, ranges, narrow)}
    nodes, before, after = layers_in(data), kernels_of(data), kernels_of(files[INT8])
    late = [nodes[place] for place in slower(before, after)] if len(nodes) == len(before) else []
    if late and len(late) < len(nodes):
        files[MIXED] = int8_bytes(data, images, ranges, narrow, keep=late)
    return files, late


def _row(data: bytes, answers: Answers, time: Measured) -> Row:
    kernels = kernels_of(data, runs=1)
    integer = sum(kernel.integer for kernel in kernels)
    return Row(answers, time.p10_ms, len(data), integer, len(kernels))


def told(report: Int8Report) -> str:
    """A line per file."""
    first = report.rows[FLOAT]
    lines = [f"{'':<9}{'top-1':>9}{'as float':>10}{'ms':>10}{'speed-up':>10}{'int8 layers':>13}"
             f"{'bytes':>13}"]  # fmt: skip
    for name, row in report.rows.items():
        one = row.answers
        lines.append(
            f"{name:<9}{one.right / one.images:>9.2%}{one.alike / one.images:>10.2%}{row.ms:>10.4f}"
            f"{first.ms / row.ms:>10.2f}{f'{row.integer} of {row.layers}':>13}{row.bytes:>13,}"
        )
    lines.append(f"on {first.answers.images:,} test images; weights of {7 if report.narrow else 8} "
                 "bits")  # fmt: skip
    if report.slower:
        lines.append(f"slower in int8: {', '.join(report.slower)}")
    if report.contended:
        lines.append(report.contended)
    return "\n".join(lines)
