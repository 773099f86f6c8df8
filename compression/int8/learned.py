"""What a network that has learned to round brings along: its weights, and how far inputs reach."""

from collections.abc import Mapping

import numpy as np
import onnx
from onnxruntime.quantization import TensorsData
from onnxruntime.quantization.calibrate import TensorData
from torch import nn

from compression.int8.graph import layers_in
from compression.quantizers.place import (
    input_quantizers,
    with_rounded_weights,
    without_input_quantizers,
)

Reach = tuple[float, float]


def in_float(network: nn.Module) -> tuple[nn.Module, dict[str, Reach]]:
    """The network with its weights as they are rounded, and nothing else rounded; by layer, from
    where to where its quantizer lets numbers flow in."""
    reaches = {name: one.limits() for name, one in input_quantizers(network).items()}
    return without_input_quantizers(with_rounded_weights(network)), reaches


def with_learned(ranges: TensorsData, data: bytes, reaches: Mapping[str, Reach]) -> TensorsData:
    """`ranges` in which what flows into a layer of an ONNX file reaches as far as it has learned.

    What flows into several reaches as far as in any of them.
    """
    inputs = {node.name: node.input[0] for node in onnx.load_from_string(data).graph.node}
    learned: dict[str, Reach] = {}
    for node, layer in layers_in(data).items():
        if layer.name in reaches:
            low, high = reaches[layer.name]
            least, most = learned.get(inputs[node], (low, high))
            learned[inputs[node]] = min(low, least), max(high, most)
    for name, (low, high) in learned.items():
        ranges[name] = TensorData(lowest=np.float32(low), highest=np.float32(high))
    return ranges
