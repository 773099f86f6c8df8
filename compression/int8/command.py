"""The command `int8`: a trained network as an ONNX file in int8, if that is faster here."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from torch import nn

from compression.analysis.subject import ImagesConfig, exam_of, images_of, opened_trained
from compression.int8.files import FLOAT, files_of
from compression.int8.learned import Reach, in_float
from compression.int8.make import RangeName, sums_are_exact
from compression.int8.report import Int8Report, fastest, is_faster
from compression.int8.score import score
from compression.quantizers.files import QUANTIZED, open_quantized
from compression.quantizers.fold import folded
from latency_tables.protocol import Protocol
from proxyless_nas.command import Switch, short
from proxyless_nas.files import write_bytes, write_json
from proxyless_nas.subject import Subject
from training.datasets import images_in

REPORT = ".int8.json"


class Int8Config(ImagesConfig, frozen=True, kw_only=True):
    """Write a trained network as an int8 ONNX file, scored and timed in ONNX Runtime, one thread.

    A quantized.json is taken with its rounded weights and the ranges that it has learned. Layers
    that are slower in int8 stay in float where that is faster in all. Where no file is
    faster than the one in float, by more than the measurement's spread, nothing is written, but
    for --always. Where OpenVINO is installed it answers and is timed too, for comparison.
    """

    out: Annotated[str, short("o")]
    """The file, NAME.onnx; a report is written beside it, NAME.int8.json."""
    ranges: RangeName = "min-max"
    """How far levels of activations reach over what images make of them."""
    narrow: Switch = None
    """Weights of 7 bits, so that sums cannot saturate; default: where they would on this CPU."""
    always: bool = False
    """Write the fastest int8 file though it is slower than the one in float."""
    openvino: bool = True
    """Look what OpenVINO makes of the files."""
    test_limit: int | None = None
    """Use only so many test images."""
    spread_s: float = 15.0
    """Spread the visits of all files over at least so many seconds, once per runtime."""

    def __post_init__(self) -> None:
        if Path(self.out).suffix != ".onnx":
            raise ValueError(f"--out {self.out} must end with .onnx")
        if not self.spread_s >= 0:
            raise ValueError(f"--spread-s {self.spread_s} is below 0")


def run_int8(config: Int8Config) -> None:
    """The command. ValueError where no int8 file is faster here."""
    subject, network, reaches = _opened(config)
    exam = exam_of(config, subject, config.test_limit)
    images = images_in(images_of(config, subject).test_batches(config.batch_size))
    narrow = not sums_are_exact() if config.narrow is None else config.narrow
    network = folded(network, subject.input)
    tried = files_of(network, subject.input, images, config.ranges, narrow, reaches)
    protocol = Protocol(spread_s=config.spread_s)
    batches = exam.test_batches(config.batch_size)
    scored = score(tried, batches, protocol, config.openvino)
    best = fastest(scored.rows)
    faster = is_faster(scored.rows[best], scored.rows[FLOAT])
    report = Int8Report(
        rows=scored.rows,
        no_openvino=scored.no_openvino,
        slower=tried.slower,
        kept=scored.kept,
        tried=scored.tried,
        narrow=narrow,
        chosen=best if faster or config.always else None,
        contended=scored.contended,
    )
    settle(report, scored.files, config.out)


def _opened(config: Int8Config) -> tuple[Subject, nn.Module, dict[str, Reach]]:
    """The network in float, and how far inputs of its layers reach where it has learned that."""
    if Path(config.arch).name == QUANTIZED:
        weights = None if config.weights is None else Path(config.weights)
        rounded, subject = open_quantized(Path(config.arch), weights)
        return subject, *in_float(rounded)
    source = opened_trained(config)
    return source.subject, source.network, {}


def settle(report: Int8Report, files: Mapping[str, bytes], out: str) -> None:
    """Print the report; write it and the chosen file. ValueError where none was chosen."""
    print(report.told())
    if report.chosen is None:
        best = fastest(report.rows)
        times = report.rows[best].ms / report.rows[FLOAT].ms
        raise ValueError(
            f"{best} takes {times:.2f} times as long as float32 on this machine, which is not "
            "faster for sure: nothing was written; --always writes it anyway"
        )
    write_bytes(out, files[report.chosen])
    write_json(Path(out).with_suffix(REPORT), report)
    print(f"{out}: {report.chosen}, {len(files[report.chosen]):,} bytes")
