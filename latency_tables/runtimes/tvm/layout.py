"""Read an ONNX model into Relax and turn it to channels last, without compiling constants.

The importer writes Clip as calls of ready loops, which no layout can pass, and leaves operations on
constants, each of which Relax's own FoldConstant compiles (25 ms apiece).
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import tvm
from tvm import relax
from tvm.relax import transform
from tvm.relax.expr_functor import PyExprMutator, mutator
from tvm.relax.frontend.onnx import from_onnx


def operation(name: str) -> tvm.ir.Op:
    """Relax's operation of this name."""
    return tvm.ir.Op.get(f"relax.{name}")


def imported(given: onnx.ModelProto) -> tvm.IRModule:
    """The model with weights as constants, every activation an operation of Relax."""
    module = from_onnx(given, keep_params_in_input=False)  # type: ignore[arg-type]
    module = transform.FoldConstant()(rewritten(module, FoldWithNumpy))
    return without_dead_code(rewritten(module, PlainClip))


def channels_last(module: tvm.IRModule) -> tvm.IRModule:
    """Every 2-d convolution in NHWC, its weights in HWIO; inputs and outputs stay as they are."""
    layouts = {"relax.nn.conv2d": ["NHWC", "HWIO"]}
    module = transform.Normalize()(transform.ConvertLayout(layouts)(module))
    module = transform.FoldConstant()(rewritten(module, FoldWithNumpy))
    return transform.CanonicalizeBindings()(module)


def rewritten(module: tvm.IRModule, kind: Callable[[tvm.IRModule], Any]) -> tvm.IRModule:
    """The module with every Relax function passed through a mutator of its own kind."""
    worker = kind(module)
    for name, function in module.functions_items():
        if isinstance(function, relax.Function):
            worker.builder_.update_func(name, worker.visit_expr(function))
    return worker.builder_.get()


def without_dead_code(module: tvm.IRModule) -> tvm.IRModule:
    """Only what `main` uses."""
    return transform.DeadCodeElimination(["main"])(module)


def constant(expression: Any) -> np.ndarray | None:
    """The numbers of a constant; None for anything else."""
    known: Any = expression if isinstance(expression, tvm.ir.GenericConst) else None
    return None if known is None else known.value.numpy()


@mutator
class PlainClip(PyExprMutator):
    """Writes the importer's loops for maximum and minimum as the operations of that name."""

    def visit_call_(self, op: Any) -> Any:
        call: Any = super().visit_call_(op)
        if call.op != operation("call_tir"):
            return call
        name = call.args[0].name_hint.rstrip("0123456789")
        plain = {"maximum": relax.op.maximum, "minimum": relax.op.minimum}.get(name)
        values = call.args[1].fields
        return call if plain is None or len(values) != 2 else plain(*values)


def _reshape(call: Any, x: np.ndarray) -> np.ndarray:
    return x.reshape([int(side) for side in call.args[1].values])


def _transpose(call: Any, x: np.ndarray) -> np.ndarray:
    axes = call.attrs.axes
    return x.transpose(None if axes is None else [int(axis) for axis in axes])


FOLDED: dict[tvm.ir.Op, Callable[..., np.ndarray]] = {
    operation("reshape"): _reshape,
    operation("permute_dims"): _transpose,
    operation("isnan"): lambda call, x: np.isnan(x),
    operation("where"): lambda call, which, x, y: np.where(which, x, y),
}


@mutator
class FoldWithNumpy(PyExprMutator):
    """Computes the operations on constants that importing and changing the layout make."""

    def visit_call_(self, op: Any) -> Any:
        call: Any = super().visit_call_(op)
        fold = FOLDED.get(call.op) if isinstance(call.op, tvm.ir.Op) else None
        if fold is None:
            return call
        tensors = [arg for arg in call.args if not isinstance(arg, relax.ShapeExpr)]
        values = [constant(self._behind(tensor)) for tensor in tensors]
        if not values or any(value is None for value in values):
            return call
        result = np.array(fold(call, *values), order="C")
        return relax.const(result, str(result.dtype))

    def _behind(self, expression: Any) -> Any:
        """What a variable stands for, where that is known."""
        if not isinstance(expression, relax.Var):
            return expression
        return self.lookup_binding(expression)
