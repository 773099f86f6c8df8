"""What a runtime is given to run: a module with its input, or a ready ONNX model."""

from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import onnx
from torch import nn

from latency_tables.graph import to_onnx
from proxyless_nas.layer import Shape

AnyOnnx = onnx.ModelProto | bytes | str | Path  # str and Path name an .onnx file


class Model:
    """A module in eval mode that takes [batch, *shape]; built when it is first asked for."""

    def __init__(
        self, name: str, build: Callable[[], nn.Module], shape: Shape, batch: int = 1
    ) -> None:
        self.name = name
        self.shape = shape
        self.batch = batch
        self._build = build

    @cached_property
    def module(self) -> nn.Module:
        """The module, in eval mode."""
        return self._build().eval()

    @property
    def sides(self) -> tuple[int, int, int, int]:
        """The shape of its input, batch first."""
        return self.batch, self.shape.channels, self.shape.height, self.shape.width

    def onnx(self) -> AnyOnnx:
        """The same as an ONNX model, batch norm folded."""
        return to_onnx(self.module, self.shape, self.name, self.batch)


class OnnxModel(Model):
    """A ready ONNX model: only runtimes that read ONNX can run it."""

    def __init__(self, name: str, given: AnyOnnx) -> None:
        self.name = name
        self._given = given

    @property
    def module(self) -> nn.Module:  # type: ignore[override]
        raise ValueError(f"{self.name} is an ONNX model; this runtime needs a torch module")

    @property
    def sides(self) -> tuple[int, int, int, int]:
        raise ValueError(f"{self.name} is an ONNX model: time it with onnxruntime or openvino")

    def onnx(self) -> AnyOnnx:
        return self._given
