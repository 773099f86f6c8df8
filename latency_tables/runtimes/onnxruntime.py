"""Run ONNX models with ONNX Runtime on one CPU thread."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from msgspec import Struct

from latency_tables.head import RuntimeInfo

OPTIONS = {
    "execution": "sequential",
    "optimisation": "all",
    "binding": "io",
    "allow_spinning": "0",
    "provider": "CPUExecutionProvider",
}


class OnnxRuntime(Struct, frozen=True, tag="onnxruntime"):
    """ONNX Runtime, CPU provider: one thread, all graph optimisations, inputs and outputs bound."""

    def info(self) -> RuntimeInfo:
        return RuntimeInfo("onnxruntime", onnxruntime.__version__, OPTIONS)

    def prepare(self, model: onnx.ModelProto | bytes | str | Path) -> Callable[[], None]:
        """A callable that runs `model` once on a fixed random input.

        `model` may be a proto, its bytes, or the path of an .onnx file. ValueError where it is
        none of these, has more than one input, or does not fix its input shape.
        """
        session = _session(model)
        if len(session.get_inputs()) != 1:
            raise ValueError(f"a model with {len(session.get_inputs())} inputs cannot be timed")
        given = session.get_inputs()[0]
        if given.type != "tensor(float)":
            raise ValueError(f"input {given.name!r} is a {given.type}, not a tensor(float)")
        x = np.random.default_rng(0).standard_normal(_sizes(given), dtype=np.float32)
        binding = session.io_binding()
        binding.bind_ortvalue_input(given.name, onnxruntime.OrtValue.ortvalue_from_numpy(x))
        values = session.run(None, {given.name: x})
        for output, value in zip(session.get_outputs(), values, strict=True):
            room = onnxruntime.OrtValue.ortvalue_from_numpy(np.asarray(value))
            binding.bind_ortvalue_output(output.name, room)
        return lambda: session.run_with_iobinding(binding)


def _session(model: onnx.ModelProto | bytes | str | Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    if isinstance(model, onnx.ModelProto):
        model = model.SerializeToString()
    elif not isinstance(model, bytes) and not Path(model).is_file():
        raise ValueError(f"no ONNX file {model}")
    source = str(model) if isinstance(model, Path) else model
    try:
        return onnxruntime.InferenceSession(source, options, providers=[OPTIONS["provider"]])
    except Exception as error:  # onnxruntime's own errors share no narrower base
        reason = str(error).splitlines()[0]
        name = "the given bytes" if isinstance(source, bytes) else source
        raise ValueError(f"onnxruntime cannot load {name}: {reason}") from error


def _sizes(given: onnxruntime.NodeArg) -> list[int]:
    """The input's shape; a free batch dimension counts as 1."""
    sizes = [
        1 if index == 0 and not isinstance(size, int) else size
        for index, size in enumerate(given.shape)
    ]
    if not all(isinstance(size, int) for size in sizes):
        raise ValueError(f"input {given.name!r} has no fixed shape: {given.shape}")
    return sizes
