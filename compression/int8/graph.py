"""What ONNX Runtime makes of a file: which layers it computes with integers, and their times."""

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from msgspec import Struct

INTEGER = ("QLinearConv", "QGemm", "QLinearMatMul", "ConvInteger", "MatMulInteger")
FLOAT = ("Conv", "FusedConv", "Gemm", "MatMul", "FusedMatMul", "FusedGemm", "NhwcFusedConv")
RUNS = 60


class Kernel(Struct, frozen=True):
    """A layer as ONNX Runtime runs it, and the least time that it took in so many runs."""

    node: str
    integer: bool
    ms: float


def kernels_of(data: bytes, runs: int = RUNS) -> tuple[Kernel, ...]:
    """The convolutions and products of matrices, in the order in which they run, one thread."""
    with tempfile.TemporaryDirectory() as folder:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.optimized_model_filepath = str(Path(folder) / "optimised.onnx")
        options.enable_profiling = True
        options.profile_file_prefix = str(Path(folder) / "profile")
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
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
    return tuple(
        Kernel(node.name, node.op_type in INTEGER, min(times.get(node.name, [0.0])) / 1e3)
        for node in graph.node
        if node.op_type in (*INTEGER, *FLOAT)
    )


def layers_in(data: bytes) -> list[str]:
    """The same layers as they stand in a file, by node."""
    nodes = onnx.load_from_string(data).graph.node
    return [node.name for node in nodes if node.op_type in (*INTEGER, *FLOAT)]


def slower(before: Sequence[Kernel], after: Sequence[Kernel]) -> list[int]:
    """Places of the layers that took longer in `after`, where both have the same layers."""
    if len(before) != len(after):
        return []
    pairs = zip(before, after, strict=True)
    return [place for place, (one, two) in enumerate(pairs) if two.ms > one.ms]
