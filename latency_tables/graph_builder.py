"""The half-finished ONNX graph: nodes and weights, and the name of each traced value."""

from typing import Any

import onnx
import torch
from onnx import helper, numpy_helper
from torch import Tensor, fx, nn


class Builder:
    """Collects ONNX nodes and weights while somebody walks an fx graph."""

    def __init__(self, modules: dict[str, nn.Module]) -> None:
        self.modules = modules
        self.nodes: list[onnx.NodeProto] = []
        self.weights: dict[str, onnx.TensorProto] = {}
        self.used = {"x", "y"}
        self.names: dict[fx.Node, str] = {}  # fx node -> name of the ONNX tensor holding its value

    def value(self, argument: Any) -> str:
        """The ONNX name of an operand; ValueError where it is no tensor."""
        if not isinstance(argument, fx.Node) or argument not in self.names:
            raise ValueError(f"no ONNX translation for the operand {argument!r}: not a tensor")
        return self.names[argument]

    def emit(self, kind: str, node: fx.Node, *inputs: str, **attributes: Any) -> str:
        """Append one node, named after its fx node, that makes one tensor of the same name."""
        name = node.name if node.name not in self.used else f"{node.name}.{kind.lower()}"
        self.used.add(name)
        self.nodes.append(helper.make_node(kind, inputs, [name], name=name, **attributes))
        return name

    def weight(self, name: str, tensor: Tensor) -> str:
        """Keep a constant: numbers as float32, indices as they are."""
        dtype = torch.float32 if tensor.is_floating_point() else tensor.dtype
        array = tensor.detach().to("cpu", dtype).contiguous().numpy()
        self.weights[name] = numpy_helper.from_array(array, name)
        return name
