"""What can be timed besides entries: networks, ONNX files, the sentinel, a call of nothing."""

from pathlib import Path

from latency_tables.model import AnyOnnx, Model, OnnxModel
from latency_tables.parts import block_model
from latency_tables.runtimes import Runtime
from latency_tables.signature import Placed
from latency_tables.stopwatch import Call
from proxyless_nas.blocks import Conv, Skip
from proxyless_nas.layer import Shape
from proxyless_nas.network import NetworkSpec

AnyModel = NetworkSpec | Model | AnyOnnx
SENTINEL_BLOCK: Placed = (Conv(out=32, kernel=3), Shape(32, 14, 14))
EMPTY_BLOCK: Placed = (Skip(), Shape(8, 8, 8))


def sentinel_call(runtime: Runtime) -> Call:
    """Runs the block that tells the device's speed; the same one in every table."""
    return runtime.prepare(block_model(SENTINEL_BLOCK))


def network_model(given: AnyModel, name: str | None = None, batch: int = 1) -> Model:
    """A whole network: a spec with random weights, a module, or ONNX (which fix their batch)."""
    if isinstance(given, Model):
        return given
    if isinstance(given, NetworkSpec):
        return Model(name or given.name, lambda: given.build(seed=0), given.input, batch)
    return OnnxModel(name or onnx_name(given), given)


def network_name(given: AnyModel, index: int) -> str:
    """A name that is unique within one measurement."""
    return f"{index}:{given.name if isinstance(given, NetworkSpec | Model) else onnx_name(given)}"


def onnx_name(given: AnyOnnx) -> str:
    """The name of an ONNX file, or a word for a model in memory."""
    return Path(given).name if isinstance(given, str | Path) else "onnx bytes"
