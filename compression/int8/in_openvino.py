"""What OpenVINO makes of a file: its answers, and how many layers it computes with integers."""

import numpy as np

from compression.int8.answers import Ask
from latency_tables.runtimes.openvino import compiled

LAYERS = ("Convolution", "Deconvolution", "FullyConnected", "MatMul")
INTEGERS = ("u8", "i8")


def in_openvino(data: bytes) -> tuple[Ask, int, int]:
    """Asks a file in OpenVINO; its integer layers there, and all; ValueError where it cannot."""
    model = compiled("the file", data, threads=1)
    told = [operation.get_rt_info() for operation in model.get_runtime_model().get_ordered_ops()]
    kinds = [str(one["runtimePrecision"].value) for one in told if _is_layer(one)]
    request = model.create_infer_request()

    def ask(image: np.ndarray) -> np.ndarray:
        return np.array(request.infer([image])[0])

    return ask, sum(kind in INTEGERS for kind in kinds), len(kinds)


def _is_layer(told: dict) -> bool:
    return told["layerType"].value in LAYERS
