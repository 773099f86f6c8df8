"""Schedules by hand, without tuning: which loops are tiled, vectorised and unrolled.

Each rule looks at one function of loops and gives None where it does not fit. A function that no
rule fits keeps TVM's plain loops: right, but slow. `unfitted` names those; no block of our spaces
and published networks has one.
"""

import math
from collections.abc import Sequence
from typing import Any

import tvm
from tvm import relax, tirx
from tvm.relax import transform
from tvm.s_tir import Schedule
from tvm.s_tir.dlight.base import ApplyDefaultSchedule, ScheduleRule
from tvm.s_tir.schedule import ScheduleError

from latency_tables.runtimes.tvm.registers import Registers, divisors, registers_of

ROWS_BYTES = 48 << 10  # padded rows of one vector of channels: about a first-level cache
SMALL_KERNEL = 3  # kernels up to this height are unrolled whole
SPATIAL, REDUCED = 0, 2  # kinds of iteration variables
SCHEDULED = "tirx.is_scheduled"


def scheduled(module: tvm.IRModule, target: tvm.target.Target) -> tvm.IRModule:
    """Fuse what stands behind each convolution into it, then order the loops of every function."""
    passes = [
        transform.LegalizeOps(),
        transform.AnnotateTIROpPattern(),
        transform.FoldConstant(),
        transform.FuseOps(),
        transform.FuseTIR(),
        ApplyDefaultSchedule(Convolution(), Reduction(), Elementwise()),
    ]
    with target:
        return tvm.transform.Sequential(passes)(module)


def unfitted(module: tvm.IRModule) -> list[str]:
    """The functions of loops that no rule fitted."""
    return [
        name.name_hint
        for name, function in module.functions_items()
        if not isinstance(function, relax.Function) and SCHEDULED not in (function.attrs or {})
    ]


class Rule(ScheduleRule):
    """A rule that gives up where an operation on the schedule is refused."""

    def apply(self, func: Any, target: tvm.target.Target, tunable: bool) -> Schedule | None:
        plan = Schedule(func)
        blocks = plan.get_child_blocks(plan.get_sblock("root"))
        try:
            fits = self.order(plan, blocks, registers_of(target))
        except ScheduleError:
            return None
        return plan if fits else None

    def order(self, plan: Any, blocks: Sequence[Any], registers: Registers) -> bool:
        """Order the loops; False where the function is of another kind."""
        raise NotImplementedError


class Convolution(Rule):
    """Loops from `convolutions`: [pad], conv, and element-wise blocks behind it.

    The last block is tiled; `conv` is computed tile by tile, in registers.
    """

    def order(self, plan: Any, blocks: Sequence[Any], registers: Registers) -> bool:
        names = [plan.get(block).name_hint for block in blocks]
        if names[:1] == ["conv"]:
            pad, conv, behind = None, blocks[0], blocks[1:]
        elif names[:2] == ["pad", "conv"]:
            pad, conv, behind = blocks[0], blocks[1], blocks[2:]
        else:
            return False
        for block in behind[:-1]:
            plan.compute_inline(block)
        last = behind[-1] if behind else plan.cache_write(conv, 0, "local")
        if len(plan.get_loops(last)) == 2:  # a matrix product: one row of pixels
            plan.add_unit_loop(plan.get_loops(last)[0])
            plan.add_unit_loop(plan.get_loops(last)[0])
        output, reduced = _extents(plan, last), _extents(plan, conv)[4:]
        if len(output) != 4 or output != _extents(plan, conv)[:4]:
            return False
        if len(reduced) == 3:
            _order_dense(plan, conv, last, pad, registers)
        else:
            _order_depthwise(plan, conv, last, pad, registers)
        return True


def _order_dense(plan: Any, conv: Any, last: Any, pad: Any, registers: Registers) -> None:
    _, height, width, channels = _extents(plan, last)
    kernel_and_in = _extents(plan, conv)[4:]
    tile = registers.dense_tile(height, width, channels)
    if pad is not None:
        plan.decompose_padding(pad, plan.get_loops(pad)[0])
    batch, rows, columns, out = plan.get_loops(last)
    rows, row = plan.split(rows, [None, tile.rows])
    columns, column = plan.split(columns, [None, tile.columns])
    out, group, lane = plan.split(out, [None, tile.vectors, tile.lanes])
    outer = [rows, columns, out]
    weights, inputs = math.prod(kernel_and_in) * channels, height * width * kernel_and_in[2]
    if weights > inputs:  # what is larger is read once
        outer = [out, rows, columns]
    plan.reorder(batch, *outer, row, column, group, lane)
    plan.vectorize(lane)
    _unroll(plan, row, column, group)

    plan.compute_at(conv, outer[-1], preserve_unit_loops=True)
    plan.set_scope(conv, 0, "local")
    row, column, out, r, s, k = plan.get_loops(conv)[-6:]
    group, lane = plan.split(out, [None, tile.lanes])
    plan.reorder(r, s, k, row, column, group, lane)
    plan.vectorize(lane)
    _unroll(plan, row, column, group)
    _order_zeros(plan, plan.decompose_reduction(conv, r), inner=4)


def _order_depthwise(plan: Any, conv: Any, last: Any, pad: Any, registers: Registers) -> None:
    _, height, width, channels = _extents(plan, last)
    kernel_height, kernel_width = _extents(plan, conv)[4:]
    lanes = registers.vector(channels)
    row_bytes = (width + kernel_width - 1) * lanes * 4
    room = max(1, ROWS_BYTES // row_bytes - kernel_height + 1)
    batch, rows, columns, out = plan.get_loops(last)
    rows, row = plan.split(rows, [None, max(divisors(height, room))])
    columns, column = plan.split(columns, [None, registers.row_tile(width)])
    out, lane = plan.split(out, [None, lanes])
    plan.reorder(batch, rows, out, row, columns, column, lane)
    plan.vectorize(lane)
    _unroll(plan, column)

    plan.compute_at(conv, columns, preserve_unit_loops=True)
    plan.set_scope(conv, 0, "local")
    if pad is not None:
        plan.compute_at(pad, out, preserve_unit_loops=True)
        plan.set_scope(pad, 0, "global")
        plan.vectorize(plan.get_loops(pad)[-1])
    column, lane, r, s = plan.get_loops(conv)[-4:]
    plan.reorder(r, s, column, lane)
    plan.vectorize(lane)
    _unroll(plan, column, s)
    if kernel_height <= SMALL_KERNEL:
        plan.unroll(r)
    _order_zeros(plan, plan.decompose_reduction(conv, r), inner=2)


def _order_zeros(plan: Any, zeros: Any, inner: int) -> None:
    """The loops that set a tile to zero before it is summed up."""
    *others, lane = plan.get_loops(zeros)[-inner:]
    _unroll(plan, *others)
    if plan.get(lane).kind != tirx.ForKind.VECTORIZED:
        plan.vectorize(lane)


class Reduction(Rule):
    """Pooling, means, grouped convolutions: vectors along the last axis that is not summed over.

    A sum over the contiguous axis keeps its plain loops.
    """

    def order(self, plan: Any, blocks: Sequence[Any], registers: Registers) -> bool:
        if not any(REDUCED in _kinds(plan, block) for block in blocks):
            return False
        if any(len(_kinds(plan, block)) != len(plan.get_loops(block)) for block in blocks):
            return False
        for block in blocks:
            kinds, loops = _kinds(plan, block), plan.get_loops(block)
            stay = [loop for loop, kind in zip(loops, kinds, strict=True) if kind == SPATIAL]
            reduced = [loop for loop, kind in zip(loops, kinds, strict=True) if kind == REDUCED]
            if not stay or (reduced and _reduces_contiguous(plan.get(block))):
                continue
            if not reduced:
                _vectorise(plan, stay[-1], registers)
                continue
            outer, lane = _split(plan, stay[-1], registers)
            plan.reorder(*stay[:-1], outer, *reduced, lane)
            plan.vectorize(lane)
            plan.decompose_reduction(block, reduced[0])
        return True


class Elementwise(Rule):
    """Additions, activations and changes of layout: one loop nest, vectors along its last axis."""

    def order(self, plan: Any, blocks: Sequence[Any], registers: Registers) -> bool:
        if any(kind != SPATIAL for block in blocks for kind in _kinds(plan, block)):
            return False
        for block in blocks[:-1]:
            plan.compute_inline(block)
        loops = plan.get_loops(blocks[-1])
        source = _contiguous_source(plan.get(blocks[-1]))
        if source is not None:
            _order_transpose(plan, loops, source, registers)
        elif loops:
            _vectorise(plan, loops[-1], registers)
        return True


def _contiguous_source(block: Any) -> int | None:
    """The axis that is the last one in something read, but not in what is written."""
    axes = [axis.var for axis in block.iter_vars]
    for read in block.reads:
        for index, axis in enumerate(axes[:-1]):
            last = read.region[-1].min if len(read.region) == len(axes) else None
            if last is not None and last.same_as(axis) and block.iter_vars[index].dom.extent > 1:
                return index
    return None


def _order_transpose(plan: Any, loops: Sequence[Any], source: int, registers: Registers) -> None:
    """Square tiles: vectors along the axis that is contiguous where it is read."""
    written, to = plan.split(loops[-1], [None, _side(plan, loops[-1], registers)])
    read, lane = plan.split(loops[source], [None, _side(plan, loops[source], registers)])
    others = [loop for index, loop in enumerate(loops[:-1]) if index != source]
    plan.reorder(*others, read, written, to, lane)
    plan.unroll(to)
    plan.vectorize(lane)


def _side(plan: Any, loop: Any, registers: Registers) -> int:
    return max(divisors(int(plan.get(loop).extent), registers.lanes))


def _split(plan: Any, loop: Any, registers: Registers) -> Any:
    return plan.split(loop, [None, registers.vector(int(plan.get(loop).extent))])


def _vectorise(plan: Any, loop: Any, registers: Registers) -> None:
    _, lane = _split(plan, loop, registers)
    plan.vectorize(lane)


def _unroll(plan: Any, *loops: Any) -> None:
    for loop in loops:
        plan.unroll(loop)


def _extents(plan: Any, block: Any) -> list[int]:
    return [int(plan.get(loop).extent) for loop in plan.get_loops(block)]


def _kinds(plan: Any, block: Any) -> list[int]:
    return [int(axis.iter_type) for axis in plan.get(block).iter_vars]


def _reduces_contiguous(block: Any) -> bool:
    """Whether the last axis of what is read is the last one summed over."""
    last = block.iter_vars[-1]
    return int(last.iter_type) == REDUCED and block.reads[-1].region[-1].min.same_as(last.var)
