"""Make an int8 model of a float one: unsigned activations, signed weights per channel (QDQ).

Unsigned activations, because with signed ones ONNX Runtime loses the gain in residual blocks
(measured on an AVX-512 VNNI machine).
"""

import logging
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)

from latency_tables.model import Model, OnnxModel

QUANTISED = {
    "quantised": "QDQ",
    "activations": "uint8 per tensor",
    "weights": "int8 per channel",
    "ranges": "min and max over random inputs",
}
INPUTS = 2
WARNINGS, ERRORS = 2, 3  # ONNX Runtime's severities


class _RandomInputs(CalibrationDataReader):
    """A few random inputs: they set the ranges of timed models, whose values do not matter."""

    def __init__(self, sizes: tuple[int, ...]) -> None:
        generator = np.random.default_rng(0)
        self._left = [generator.standard_normal(sizes, dtype=np.float32) for _ in range(INPUTS)]

    def get_next(self) -> dict[str, np.ndarray] | None:  # type: ignore[override]
        return {"x": self._left.pop()} if self._left else None


def int8_onnx(model: Model) -> onnx.ModelProto:
    """The model with every operation that ONNX Runtime can quantise in int8.

    Ranges come from random inputs: good enough to time, not to classify. ValueError for a ready
    ONNX model, which is timed as it is.
    """
    given = model.onnx()
    if isinstance(model, OnnxModel) or not isinstance(given, onnx.ModelProto):
        raise ValueError(f"{model.name} is a ready ONNX model: time it with --dtype float32")
    return quantised(given, _RandomInputs(model.sides))


def quantised(
    given: onnx.ModelProto,
    reader: CalibrationDataReader,
    method: CalibrationMethod = CalibrationMethod.MinMax,
    narrow: bool = False,
    keep: Sequence[str] = (),
) -> onnx.ModelProto:
    """In int8 what ONNX Runtime can, but for the nodes named in `keep`; inputs set the ranges.

    `narrow` weights have 7 bits: without VNNI, sums of two products of 8 bits may saturate.
    """
    with tempfile.TemporaryDirectory() as folder, _quiet():
        before, after = Path(folder) / "float32.onnx", Path(folder) / "int8.onnx"
        onnx.save(given, before)
        quantize_static(
            before,
            after,
            reader,
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            reduce_range=narrow,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=method,
            nodes_to_exclude=list(keep),
        )
        return onnx.load(after)


class _quiet:
    """Without the advice that the quantiser and its session log for every model."""

    def __enter__(self) -> None:
        logging.disable(logging.WARNING)
        onnxruntime.set_default_logger_severity(ERRORS)

    def __exit__(self, *_: object) -> None:
        logging.disable(logging.NOTSET)
        onnxruntime.set_default_logger_severity(WARNINGS)
