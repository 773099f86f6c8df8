"""Make an int8 model of a float one: unsigned activations, signed weights per channel (QDQ).

Unsigned activations, because with signed ones ONNX Runtime loses the gain in residual blocks
(measured on an AVX-512 VNNI machine).
"""

import contextlib
import io
import logging
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QDQQuantizer,
    QuantType,
    TensorsData,
    create_calibrator,
)
from onnxruntime.quantization.registry import QDQRegistry, QLinearOpsRegistry

from latency_tables.model import Model, OnnxModel

QUANTISED = {
    "quantised": "QDQ",
    "activations": "uint8 per tensor",
    "weights": "int8 per channel",
    "ranges": "min and max over random inputs",
}
WIDE = {"quant_type": QuantType.QInt8, "symmetric": True, "reduce_range": False, "axis": 0}
INPUTS = 2
AT_ONCE = 16  # inputs whose activations are held in memory
OPERATIONS = sorted({*QDQRegistry, *QLinearOpsRegistry})
REWRITTEN = ("Conv", "ConvTranspose", "Gemm")  # by ONNX Runtime, when it loads a file
WARNINGS, ERRORS = 2, 3  # ONNX Runtime's severities


class _Inputs(CalibrationDataReader):
    """One input after another."""

    def __init__(self, name: str, inputs: Sequence[np.ndarray]) -> None:
        self._name, self._left = name, list(inputs)[::-1]

    def get_next(self) -> dict[str, np.ndarray] | None:  # type: ignore[override]
        return {self._name: self._left.pop()} if self._left else None


def int8_onnx(model: Model) -> onnx.ModelProto:
    """The model with every operation that ONNX Runtime can quantise in int8.

    Ranges come from random inputs: good enough to time, not to classify. ValueError for a ready
    ONNX model, which is timed as it is.
    """
    given = model.onnx()
    if isinstance(model, OnnxModel) or not isinstance(given, onnx.ModelProto):
        raise ValueError(f"{model.name} is a ready ONNX model: time it with --dtype float32")
    generator = np.random.default_rng(0)
    inputs = [generator.standard_normal(model.sides, dtype=np.float32) for _ in range(INPUTS)]
    return quantised(given, ranges_of(given, inputs))


def ranges_of(
    given: onnx.ModelProto,
    inputs: Sequence[np.ndarray],
    method: CalibrationMethod = CalibrationMethod.MinMax,
) -> TensorsData:
    """How far each activation of a model with one input reaches on `inputs`."""
    name = given.graph.input[0].name
    with tempfile.TemporaryDirectory() as folder, _quiet():
        file = Path(folder) / "float32.onnx"
        onnx.save(given, file)
        augmented = str(Path(folder) / "augmented.onnx")
        calibrator = create_calibrator(file, OPERATIONS, augmented, method)
        for start in range(0, len(inputs), AT_ONCE):
            calibrator.collect_data(_Inputs(name, inputs[start : start + AT_ONCE]))
        return calibrator.compute_data()


def quantised(
    given: onnx.ModelProto, ranges: TensorsData, narrow: bool = False, keep: Sequence[str] = ()
) -> onnx.ModelProto:
    """In int8 what ONNX Runtime can, but for the nodes named in `keep`, which run in float.

    `narrow` weights have 7 bits: without VNNI, sums of two products of 8 bits may saturate. Those
    of depthwise convolutions keep 8, because their kernels add in 32 bits everywhere.
    """
    wide = {weight: [WIDE] * channels for weight, channels in _depthwise(given.graph).items()}
    with _quiet():
        quantiser = QDQQuantizer(
            given,
            True,  # weights per channel
            narrow,
            QuantType.QInt8,
            QuantType.QUInt8,
            ranges,
            [],  # every node ...
            list(keep),  # ... but these
            OPERATIONS,
            {"TensorQuantOverrides": wide if narrow else {}},
        )
        quantiser.quantize_model()
        quantiser.model.topological_sort()
    made: onnx.ModelProto = quantiser.model.model
    _shield(made.graph, keep)
    return made


def _depthwise(graph: onnx.GraphProto) -> dict[str, int]:
    """By name the weights of depthwise convolutions, and their channels."""
    sides = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    groups = {
        node.input[1]: _attributes(node).get("group", 1)
        for node in graph.node
        if node.op_type == "Conv"
    }
    return {
        weight: group
        for weight, group in groups.items()
        if group > 1 and sides.get(weight, ())[:2] == (group, 1)
    }


def _shield(graph: onnx.GraphProto, keep: Sequence[str]) -> None:
    """Write the step of what flows into the nodes of `keep` once per channel.

    ONNX Runtime quantises a float layer between quantised activations when it loads the file, its
    weights to 8 bits with one step for all of them, but only where that input has one step too
    (its WeightBiasQuantization, seen in 1.31). Repeated steps mean the same.
    """
    makers = {name: node for node in graph.node for name in node.output}
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    for node in [node for node in graph.node if node.name in keep]:
        maker = makers.get(node.input[0])
        if node.op_type not in REWRITTEN or maker is None or maker.op_type != "DequantizeLinear":
            continue
        parts: list[str] = []
        for part in maker.input[1:]:
            many = np.full(_inputs_of(node, constants[node.input[1]].shape), constants[part])
            parts.append(f"{node.name}_{part}")
            graph.initializer.append(numpy_helper.from_array(many, parts[-1]))
        own = helper.make_node(
            maker.op_type, [maker.input[0], *parts], [f"{node.name}_input"], axis=1
        )
        graph.node.insert(list(graph.node).index(node), own)
        node.input[0] = own.output[0]
    taken = {name for node in graph.node for name in node.input}
    taken |= {output.name for output in graph.output}
    for maker in makers.values():
        if maker.op_type == "DequantizeLinear" and maker.output[0] not in taken:
            graph.node.remove(maker)


def _inputs_of(node: onnx.NodeProto, weight: tuple[int, ...]) -> int:
    """How many channels flow into it."""
    told = _attributes(node)
    if node.op_type == "Conv":
        return weight[1] * told.get("group", 1)
    return weight[1] if told.get("transB", 0) else weight[0]


def _attributes(node: onnx.NodeProto) -> dict[str, Any]:
    return {one.name: helper.get_attribute_value(one) for one in node.attribute}


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the advice that the quantiser and its session log, and print, for every model."""
    logging.disable(logging.WARNING)
    onnxruntime.set_default_logger_severity(ERRORS)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logging.disable(logging.NOTSET)
        onnxruntime.set_default_logger_severity(WARNINGS)
