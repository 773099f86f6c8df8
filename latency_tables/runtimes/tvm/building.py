"""Compile a model with TVM."""

from typing import Any

import onnx
import tvm
from msgspec import Struct
from tvm.relax.frontend.onnx import from_onnx

from latency_tables.model import Model


class Recipe(Struct, frozen=True):
    """How a model is made fast: `trials` of the tuner per model, 0 for TVM's untuned loops."""

    trials: int = 0
    records: str | None = None

    def options(self) -> dict[str, str]:
        """For the head of a table."""
        return {"trials": str(self.trials)}


def build(model: Model, target: dict[str, Any], recipe: Recipe) -> Any:
    """The executable; ValueError where TVM cannot read or compile the model."""
    given = model.onnx()
    if not isinstance(given, onnx.ModelProto):
        given = onnx.load_from_string(given) if isinstance(given, bytes) else onnx.load(given)
    try:
        _give_it_a_kernel(given)
        given = onnx.shape_inference.infer_shapes(given)  # TVM wants to know the output's shape
        module = from_onnx(given, keep_params_in_input=False)  # type: ignore[arg-type]
        return tvm.compile(module, target=tvm.target.Target(target, host=target))
    except Exception as error:  # TVM's errors share no narrower base
        reason = str(error).strip().splitlines()[-1]
        raise ValueError(f"tvm cannot compile {model.name}: {reason}") from error


def _give_it_a_kernel(model: onnx.ModelProto) -> None:
    """Let a model that computes nothing take absolute values instead.

    TVM cannot link a library without a kernel for another processor. The model is the empty call
    of a table, on a few hundred numbers: its one kernel takes well below 1 us.
    """
    for node in model.graph.node:
        if node.op_type != "Identity":
            return
    model.graph.node[0].op_type = "Abs"
