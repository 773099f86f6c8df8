"""Run ONNX models with OpenVINO on the CPU."""

from pathlib import Path

import numpy as np
import onnx
import openvino

from latency_tables.head import RuntimeInfo
from latency_tables.model import Model
from latency_tables.quantize import int8_onnx
from latency_tables.reasons import last_line
from latency_tables.runtimes.base import OnThisCpu, check_dtype
from latency_tables.stopwatch import Call, Stopwatch, process_time, wall_time


class OpenVino(OnThisCpu, frozen=True):
    """OpenVINO's CPU plugin, set for latency; int8 models are the ones that ONNX Runtime gets."""

    def __post_init__(self) -> None:
        check_dtype("openvino", self.dtype, ("float32", "int8"))

    def info(self) -> RuntimeInfo:
        return RuntimeInfo("openvino", openvino.__version__, {"hint": "LATENCY", "streams": "1"})

    def stopwatch(self) -> Stopwatch:
        """Its worker is not the calling thread, so the time of the whole process counts."""
        return process_time() if self.threads == 1 else wall_time()

    def prepare(self, model: Model) -> Call:
        """Compile; ValueError where OpenVINO cannot, or where the input is no float tensor."""
        given = int8_onnx(model) if self.dtype == "int8" else model.onnx()
        source = given.SerializeToString() if isinstance(given, onnx.ModelProto) else given
        ready = compiled(model.name, source, self.threads)
        request = ready.create_infer_request()
        x = np.random.default_rng(0).standard_normal(tuple(ready.input(0).shape), np.float32)
        request.set_input_tensor(openvino.Tensor(x))
        request.infer()

        def call() -> None:
            request.infer()

        return call


def compiled(name: str, source: bytes | str | Path, threads: int) -> openvino.CompiledModel:
    """An ONNX model, or the path of one, ready for the CPU; ValueError where OpenVINO cannot."""
    options = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
        "INFERENCE_PRECISION_HINT": "f32",
    }
    try:
        core = openvino.Core()
        return core.compile_model(core.read_model(source), "CPU", options)
    except RuntimeError as error:
        raise ValueError(f"openvino cannot run {name}: {last_line(error)}") from error
