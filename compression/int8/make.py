"""Make an int8 ONNX file of a trained network, its ranges set by images."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationMethod, TensorsData
from torch import Tensor

from compression.int8.answers import session_of
from latency_tables.quantize import quantised, ranges_of

RangeName = Literal["min-max", "percentile", "entropy"]
METHODS: dict[RangeName, CalibrationMethod] = {
    "min-max": CalibrationMethod.MinMax,
    "percentile": CalibrationMethod.Percentile,
    "entropy": CalibrationMethod.Entropy,
}
LONG = 64  # products in the sum that tells whether sums are exact


def ranges_by(data: bytes, images: Tensor, ranges: RangeName) -> TensorsData:
    """How far the activations of an ONNX file for one image reach on `images` [N, C, H, W]."""
    inputs = [image.numpy() for image in images.contiguous().split(1)]
    return ranges_of(onnx.load_from_string(data), inputs, METHODS[ranges])


def int8_bytes(data: bytes, ranges: TensorsData, narrow: bool, keep: Sequence[str] = ()) -> bytes:
    """The ONNX file in int8, with activations that reach as far as `ranges` says.

    Activations are unsigned, weights signed, per channel, and have 7 bits where they are `narrow`
    (8 in depthwise layers, whose sums are always exact); the nodes in `keep` stay in float.
    """
    made = quantised(onnx.load_from_string(data), ranges, narrow, keep)
    _leave_logits(made.graph)
    return made.SerializeToString()


def _leave_logits(graph: onnx.GraphProto) -> None:
    """Do not round the logits of a last linear layer: many of a thousand would share a level."""
    makers = {name: node for node in graph.node for name in node.output}
    (output,) = graph.output
    back = makers[output.name]
    rounding = makers.get(back.input[0])
    if back.op_type == "DequantizeLinear" and rounding is not None:
        last = makers.get(rounding.input[0])
        if last is not None and last.op_type == "Gemm":
            last.output[0] = output.name
            graph.node.remove(back)
            graph.node.remove(rounding)


def sums_are_exact() -> bool:
    """Whether ONNX Runtime adds products of 8 bits without saturation on this CPU: it is asked."""
    weight = numpy_helper.from_array(np.full((LONG, LONG), 127, np.int8), "weight")
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["x", "weight"], ["y"])],
        "sum",
        [helper.make_tensor_value_info("x", TensorProto.UINT8, [1, LONG])],
        [helper.make_tensor_value_info("y", TensorProto.INT32, [1, LONG])],
        [weight],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    x = np.full((1, LONG), 255, np.uint8)
    session = session_of(model.SerializeToString(), onnxruntime.SessionOptions())
    return bool((np.asarray(session.run(None, {"x": x})[0]) == 255 * 127 * LONG).all())
