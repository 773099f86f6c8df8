"""Turn convolutions and matrix products with constant weights into loops that can be made fast.

Weights are packed while compiling: the output channels of one register tile lie side by side, so
the loops read them once, in order. What comes out is one loop nest named `conv` behind at most one
named `pad`; `schedules` knows how to order them. Grouped convolutions that are not depthwise stay
what they are.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import tvm
from msgspec import Struct
from tvm import relax, te, tirx
from tvm.relax.expr_functor import PyExprMutator, mutator

from latency_tables.runtimes.tvm.layout import constant, operation, rewritten, without_dead_code
from latency_tables.runtimes.tvm.registers import Registers

Tensor = Any  # te.Tensor, whose members TVM does not declare
FUSE_BEHIND = {"op_pattern": 4}  # Relax fuses the element-wise operations behind such loops
FEW_CHANNELS = 4  # an image: it is read as it comes, instead of being turned to channels last


class Window(Struct, frozen=True):
    """How a kernel moves over an image; `pad` is top, left, bottom, right."""

    stride: tuple[int, int]
    pad: tuple[int, int, int, int]
    dilation: tuple[int, int]

    def output(self, height: int, width: int, kernel: tuple[int, int]) -> tuple[int, int]:
        """Height and width of what comes out of a padded image of this size."""
        sides = zip((height, width), kernel, self.dilation, self.stride, strict=True)
        rows, columns = ((side - (k - 1) * d - 1) // step + 1 for side, k, d, step in sides)
        return rows, columns

    def source(self, at: Sequence[Any], inside: Sequence[Any]) -> tuple[Any, Any]:
        """Row and column of the padded image behind an output and a place in the kernel."""
        sides = zip(at, self.stride, inside, self.dilation, strict=True)
        row, column = (i * step + r * d for i, step, r, d in sides)
        return row, column


def lowered(module: tvm.IRModule, registers: Registers) -> tvm.IRModule:
    """The module, channels last, with its convolutions as loops for these registers."""
    return without_dead_code(rewritten(module, lambda given: LowerConvolutions(given, registers)))


@mutator
class LowerConvolutions(PyExprMutator):
    """Replaces what it can; leaves the rest to TVM."""

    def __init__(self, module: tvm.IRModule, registers: Registers) -> None:
        super().__init__(module)
        self.registers = registers

    def visit_call_(self, op: Any) -> Any:
        call: Any = super().visit_call_(op)
        if call.op == operation("nn.conv2d"):
            return self._convolution(call)
        if call.op == operation("matmul"):
            return self._product(call)
        return call

    def _convolution(self, call: Any) -> Any:
        attributes, (x, given) = call.attrs, call.args
        weight, groups = constant(given), int(attributes.groups)
        if weight is None or attributes.data_layout != "NHWC" or attributes.out_layout != "NHWC":
            return call
        height, width, _, out = weight.shape  # ConvertLayout made it HWIO
        window = Window(
            _integers(attributes.strides),
            _integers(attributes.padding),
            _integers(attributes.dilation),
        )
        channels = int(x.ty.shape[3])
        if groups == channels == out:
            weight = weight.reshape(height, width, out)
            return self._loops(depthwise, x, weight, "depthwise", window=window)
        if groups != 1:
            return call
        _, rows, columns, _ = _integers(call.ty.shape)
        packed = pack(weight, self.registers.dense_tile(rows, columns, out).channels)
        image = self._image(x) if channels <= FEW_CHANNELS else None
        if image is not None:
            return self._loops(dense, image, packed, "dense", window=window, first=2)
        return self._loops(dense, x, packed, "dense", window=window)

    def _product(self, call: Any) -> Any:
        x, weight = call.args[0], constant(call.args[1])
        if weight is None or weight.ndim != 2 or len(x.ty.shape) != 2:
            return call
        group = self.registers.dense_tile(1, int(x.ty.shape[0]), weight.shape[1]).channels
        return self._loops(product, x, pack(weight, group), "product")

    def _loops(self, loops: Any, x: Any, weight: np.ndarray, name: str, **how: Any) -> Any:
        return self.builder_.call_te(
            partial(loops, **how),
            x,
            relax.const(weight),
            primfunc_name_hint=f"packed_{name}",
            primfunc_attrs=FUSE_BEHIND,
        )

    def _image(self, x: Any) -> Any:
        """What was turned from NCHW to NHWC to give `x`, if `x` came about so."""
        before: Any = self.lookup_binding(x)
        if not isinstance(before, relax.Call) or before.op != operation("permute_dims"):
            return None
        attributes: Any = before.attrs
        return before.args[0] if _integers(attributes.axes) == (0, 2, 3, 1) else None


def pack(weight: np.ndarray, group: int) -> np.ndarray:
    """[..., out] -> [out / group, ..., group]."""
    split = weight.reshape(*weight.shape[:-1], -1, group)
    return np.ascontiguousarray(np.moveaxis(split, -2, 0))


def dense(x: Tensor, w: Tensor, window: Window, first: int = 1) -> Tensor:
    """w: packed [height, width, in, out]; axis `first` of `x` is its rows.

    1 for x: [batch, height, width, in], 2 for x: [batch, in, height, width].
    """
    image = _padded(x, window, first)
    groups, height, width, channels, group = w.shape
    r, s, k = _reduced(height, width, channels)

    def at(b: Any, i: Any, j: Any, c: Any) -> Any:
        place = window.source((i, j), (r, s))
        pixel = image[b, *place, k] if first == 1 else image[b, k, *place]
        return te.sum(pixel * w[c // group, r, s, k, c % group], [r, s, k])

    sides = image.shape[first], image.shape[first + 1]
    rows, columns = window.output(*sides, (height, width))
    return te.compute((x.shape[0], rows, columns, groups * group), at, name="conv")


def depthwise(x: Tensor, w: Tensor, window: Window) -> Tensor:
    """x: [batch, height, width, channels]; w: [height, width, channels]."""
    image = _padded(x, window, 1)
    height, width, channels = w.shape
    r, s = _reduced(height, width)

    def at(b: Any, i: Any, j: Any, c: Any) -> Any:
        row, column = window.source((i, j), (r, s))
        return te.sum(image[b, row, column, c] * w[r, s, c], [r, s])

    rows, columns = window.output(image.shape[1], image.shape[2], (height, width))
    return te.compute((x.shape[0], rows, columns, channels), at, name="conv")


def product(x: Tensor, w: Tensor) -> Tensor:
    """x: [rows, in]; w: packed [in, out]. As a convolution of one row of pixels."""
    groups, channels, group = w.shape
    r, s, k = _reduced(1, 1, channels)

    def at(b: Any, h: Any, i: Any, c: Any) -> Any:
        return te.sum(x[i, k] * w[c // group, k, c % group], [r, s, k])

    rows, columns = x.shape[0], groups * group
    image: Tensor = te.compute((1, 1, rows, columns), at, name="conv")
    return te.compute((rows, columns), lambda i, c: image[0, 0, i, c], name="flat")


def _padded(x: Tensor, window: Window, first: int) -> Tensor:
    """Zeros around the axes `first` (rows) and the one behind it (columns)."""
    top, left, bottom, right = window.pad
    if not any(window.pad):
        return x
    height, width = x.shape[first], x.shape[first + 1]
    sides = list(x.shape)
    sides[first], sides[first + 1] = height + top + bottom, width + left + right

    def at(*index: Any) -> Any:
        i, j = index[first] - top, index[first + 1] - left
        inside = tirx.all(i >= 0, i < height, j >= 0, j < width)
        source = (*index[:first], i, j, *index[first + 2 :])
        return tirx.if_then_else(inside, x[source], tirx.const(0, x.dtype))

    return te.compute(sides, at, name="pad")


def _reduced(*sides: Any) -> list[Any]:
    names = ("r", "s", "k")
    return [te.reduce_axis((0, side), name) for side, name in zip(sides, names, strict=False)]


def _integers(numbers: Any) -> Any:
    return tuple(int(number) for number in numbers)
