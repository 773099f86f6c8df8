"""Layers of a file as it is written, and as ONNX Runtime runs them: integers or not, how long."""

import json
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from msgspec import Struct

from compression.int8.answers import session_of

INTEGER = ("QLinearConv", "QGemm", "QLinearMatMul")  # input 4 of each: the steps of its weights
FLOAT = ("Conv", "FusedConv", "Gemm", "MatMul", "FusedMatMul", "FusedGemm", "NhwcFusedConv")
FUSED = ("Relu", "Clip", "LeakyRelu", "Sigmoid", "Tanh", "HardSigmoid")
"""What ONNX Runtime lets a convolution do on the way; it is then named after what that makes."""
RUNS = 60


class Layer(Struct, frozen=True):
    """A convolution or product of matrices in a file, by the name of its module where that shows.

    `steps` is the number of steps of its weights: 0 in float, 1 where all channels share one.
    """

    name: str
    steps: int


class Kernel(Struct, frozen=True):
    """What ONNX Runtime makes of a layer, and the least time that it took, in ms."""

    steps: int
    ms: float

    @property
    def integer(self) -> bool:
        """Whether it computes with integers."""
        return self.steps > 0


def layers_in(data: bytes) -> dict[str, Layer]:
    """By node, in the order of the file."""
    graph = onnx.load_from_string(data).graph
    sizes, makers = _sizes(graph), _makers(graph)
    found: dict[str, Layer] = {}
    for node in graph.node:
        if node.op_type in (*INTEGER, *FLOAT):
            weight, steps = node.input[1], 0
            maker = makers.get(weight)
            if maker is not None and maker.op_type == "DequantizeLinear":
                weight, steps = maker.input[0].removesuffix("_quantized"), sizes[maker.input[1]]
            name = weight.removesuffix(".weight") if weight.endswith(".weight") else node.name
            found[node.name] = Layer(name, steps)
    return found


def kernels_of(data: bytes, runs: int = RUNS) -> dict[str, Kernel]:
    """By node of the file, its layers in ONNX Runtime's optimised graph, run on one thread.

    One that cannot be recognised there is left out.
    """
    with tempfile.TemporaryDirectory() as folder:
        options = onnxruntime.SessionOptions()
        options.optimized_model_filepath = str(Path(folder) / "optimised.onnx")
        options.enable_profiling = True
        options.profile_file_prefix = str(Path(folder) / "profile")
        session = session_of(data, options)
        given = session.get_inputs()[0]
        sides = [side if isinstance(side, int) else 1 for side in given.shape]
        x = np.random.default_rng(0).standard_normal(sides, dtype=np.float32)
        for _ in range(runs):
            session.run(None, {given.name: x})
        events = json.loads(Path(session.end_profiling()).read_text())
        graph = onnx.load(options.optimized_model_filepath).graph
    times: dict[str, list[float]] = {}
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            times.setdefault(event["name"].removesuffix("_kernel_time"), []).append(event["dur"])
    sizes, names = _sizes(graph), _names(onnx.load_from_string(data).graph)
    found: dict[str, Kernel] = {}
    for node in graph.node:
        if node.op_type in (*INTEGER, *FLOAT):
            layer = _layer(node.name, names)
            if layer is not None and node.name in times:
                steps = sizes.get(node.input[4], 1) if node.op_type in INTEGER else 0
                found[layer] = Kernel(steps, min(times[node.name]) / 1e3)
    return found


def changed(
    layers: Mapping[str, Layer], kernels: Mapping[str, Kernel], keep: Collection[str] = ()
) -> list[str]:
    """Which layers ONNX Runtime runs otherwise than they are written, and how.

    Those in `keep` should be in float, however they are written.
    """
    told: list[str] = []
    for node, layer in layers.items():
        steps = 0 if node in keep else layer.steps
        if node not in kernels:
            told.append(f"{layer.name} (not found in the optimised graph)")
        elif kernels[node].steps != steps:
            told.append(f"{layer.name} ({_said(steps)} became {_said(kernels[node].steps)})")
    return told


def _said(steps: int) -> str:
    return "float" if steps == 0 else f"int8 of {steps} step{'s' if steps > 1 else ''}"


def _names(graph: onnx.GraphProto) -> dict[str, str]:
    """The layer by every name that ONNX Runtime may give it: its own, or of what it makes."""
    takers: dict[str, list[onnx.NodeProto]] = {}
    for node in graph.node:
        for name in node.input:
            takers.setdefault(name, []).append(node)
    found: dict[str, str] = {}
    for node in graph.node:
        if node.op_type in (*INTEGER, *FLOAT):
            found[node.name], made = node.name, node.output[0]
            found[made] = node.name
            while len(after := takers.get(made, [])) == 1 and after[0].op_type in FUSED:
                made = after[0].output[0]
                found[made] = node.name
    return found


def _layer(name: str, known: Mapping[str, str]) -> str | None:
    """The layer of a node of the optimised graph, whose name is a known one with more behind it."""
    stem = name.removeprefix("fused ")
    while stem not in known and (end := max(stem.rfind("_"), stem.rfind("/"))) >= 0:
        stem = stem[:end]
    return known.get(stem)


def _sizes(graph: onnx.GraphProto) -> dict[str, int]:
    return {tensor.name: int(np.prod(tensor.dims)) for tensor in graph.initializer}


def _makers(graph: onnx.GraphProto) -> dict[str, onnx.NodeProto]:
    return {name: node for node in graph.node for name in node.output}
