"""What can be timed: a block on an input, a whole network, an exported ONNX file, the sentinel."""

from pathlib import Path

from latency_tables.graph import to_onnx
from latency_tables.protocol import Call
from latency_tables.runtimes import AnyRuntime
from latency_tables.signature import Placed, signature
from proxyless_nas.blocks import BatchNorm, Conv, Skip
from proxyless_nas.layer import Shape
from proxyless_nas.network import NetworkSpec
from proxyless_nas.seeds import seeded

AnyModel = NetworkSpec | bytes | str | Path  # str and Path name an .onnx file
SENTINEL_BLOCK: Placed = (Conv(out=32, kernel=3), Shape(32, 14, 14))
EMPTY_BLOCK: Placed = (Skip(), Shape(8, 8, 8))


def block_call(placed: Placed, runtime: AnyRuntime) -> Call:
    """Runs one block once. Its weights are random, from a fixed seed."""
    block, shape = placed
    with seeded(0):
        module = block.build(shape, BatchNorm()).eval()
    return runtime.prepare(to_onnx(module, shape, signature(block, shape)))


def sentinel_call(runtime: AnyRuntime) -> Call:
    """Runs the block that tells the machine's speed; the same one in every table."""
    return block_call(SENTINEL_BLOCK, runtime)


def network_call(model: AnyModel, runtime: AnyRuntime) -> Call:
    """Runs a whole network once: a spec with random weights, or a ready ONNX model."""
    if isinstance(model, NetworkSpec):
        return runtime.prepare(to_onnx(model.build(seed=0).eval(), model.input, model.name))
    return runtime.prepare(model)


def network_name(model: AnyModel, index: int) -> str:
    """A name that is unique within one measurement."""
    if isinstance(model, NetworkSpec):
        return f"{index}:{model.name}"
    return f"{index}:{'onnx bytes' if isinstance(model, bytes) else Path(model).name}"
