"""Make an int8 ONNX file of a trained network, its ranges set by images."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod
from torch import Tensor

from latency_tables.quantize import quantised

RangeName = Literal["min-max", "percentile", "entropy"]
METHODS: dict[RangeName, CalibrationMethod] = {
    "min-max": CalibrationMethod.MinMax,
    "percentile": CalibrationMethod.Percentile,
    "entropy": CalibrationMethod.Entropy,
}
CPU_FLAGS = "/proc/cpuinfo"
EXACT = ("avx512_vnni", "avx_vnni", "asimddp")
"""Instructions that add products of 8 bits in 32, on x86 and on ARM."""


class _Images(CalibrationDataReader):
    """One image after another."""

    def __init__(self, name: str, images: Tensor) -> None:
        self._name, self._left = name, list(images.split(1))[::-1]

    def get_next(self) -> dict[str, np.ndarray] | None:  # type: ignore[override]
        return {self._name: self._left.pop().numpy()} if self._left else None


def int8_bytes(
    data: bytes, images: Tensor, ranges: RangeName, narrow: bool, keep: Sequence[str] = ()
) -> bytes:
    """An ONNX file that takes one image, in int8; its inputs are shown `images` [N, C, H, W].

    Activations are unsigned, weights signed, per channel, and have 7 bits where they are `narrow`;
    the nodes in `keep` stay in float.
    """
    given = onnx.load_from_string(data)
    reader = _Images(given.graph.input[0].name, images)
    made = quantised(given, reader, METHODS[ranges], narrow, keep)
    return made.SerializeToString()


def sums_are_exact() -> bool:
    """Whether this CPU adds products of 8 bits without saturation."""
    try:
        with open(CPU_FLAGS, encoding="utf-8") as file:
            flags = set(file.read().split())
    except OSError:
        return False
    return any(flag in flags for flag in EXACT)
