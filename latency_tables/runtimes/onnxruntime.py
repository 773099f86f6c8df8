"""Run ONNX models with ONNX Runtime on the CPU."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime

from latency_tables.head import RuntimeInfo
from latency_tables.model import Model
from latency_tables.quantize import QUANTISED, int8_onnx
from latency_tables.runtimes.base import OnThisCpu, check_dtype
from latency_tables.stopwatch import Call

OPTIONS = {
    "execution": "sequential",
    "optimisation": "all",
    "binding": "io",
    "allow_spinning": "0",
    "provider": "CPUExecutionProvider",
}


class OnnxRuntime(OnThisCpu, frozen=True):
    """ONNX Runtime, CPU provider: all graph optimisations, inputs and outputs bound.

    `int8` models are quantised here (see `latency_tables.quantize`).
    """

    def __post_init__(self) -> None:
        check_dtype("onnxruntime", self.dtype, ("float32", "int8"))

    def info(self) -> RuntimeInfo:
        options = OPTIONS | (QUANTISED if self.dtype == "int8" else {})
        return RuntimeInfo("onnxruntime", onnxruntime.__version__, options)

    def prepare(self, model: Model) -> Call:
        """A callable that runs `model` once on a fixed random input.

        ValueError where it has more than one input, or does not fix its input shape.
        """
        session = self._session(model)
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

    def _session(self, model: Model) -> onnxruntime.InferenceSession:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        given = int8_onnx(model) if self.dtype == "int8" else model.onnx()
        if isinstance(given, onnx.ModelProto):
            given = given.SerializeToString()
        elif not isinstance(given, bytes) and not Path(given).is_file():
            raise ValueError(f"no ONNX file {given}")
        source = str(given) if isinstance(given, Path) else given
        try:
            return onnxruntime.InferenceSession(source, options, providers=[OPTIONS["provider"]])
        except Exception as error:  # onnxruntime's own errors share no narrower base
            reason = str(error).splitlines()[0]
            raise ValueError(f"onnxruntime cannot load {model.name}: {reason}") from error


def _sizes(given: onnxruntime.NodeArg) -> list[int]:
    """The input's shape; a free batch dimension counts as 1."""
    sizes = [
        1 if index == 0 and not isinstance(size, int) else size
        for index, size in enumerate(given.shape)
    ]
    if not all(isinstance(size, int) for size in sizes):
        raise ValueError(f"input {given.name!r} has no fixed shape: {given.shape}")
    return sizes
