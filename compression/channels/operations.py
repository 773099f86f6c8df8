"""What functions and methods of tensors do with channels."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
from torch import Tensor

from compression.channels import known
from compression.channels.book import Book, Seen, Step
from compression.channels.carried import Carried
from compression.channels.count import Count
from compression.channels.structure import every


def through_operation(step: Step, book: Book) -> Any:
    """What the output of a function or method carries.

    One that is not known here keeps all channels that reach it, and says so.
    """
    if not every(Tensor, step.value):
        return _counted(step)
    if not step.tensors:
        return book.kept(step.value, f"{step.name} makes it in the code")
    if step.name == "getitem" and not isinstance(step.args[0], Seen):
        return step.args[0][step.args[1]]
    if any(not one.shape for one in step.tensors):
        return _unknown(step, book)
    name = step.name.strip("_")
    if name not in known.SIZED:
        for count in every(Count, (step.args, step.kwargs)):
            book.atoms.keep(count.ids, f"{step.name} uses their number")
    name = name[1:] if name[:1] == "i" and name[1:] in known.TOGETHER else name
    for names, rule in RULES:
        if name in names:
            return rule(step, book)
    return _unknown(step, book)


def _counted(step: Step) -> Any:
    """Sizes of a tensor; what counts channels remembers which."""
    value = step.value
    if step.name not in ("size", "getattr") or not step.tensors:
        return value
    carried = step.tensors[0].carried
    if isinstance(value, tuple):
        return tuple(
            Count.of(size, carried.seen(axis)) if carried.varies_along(axis) else size
            for axis, size in enumerate(value)
        )
    if isinstance(value, int) and step.name == "size":
        axis = step.argument(1, "dim", 0)
        return Count.of(value, carried.seen(axis)) if carried.varies_along(axis) else value
    return value


def _same(step: Step, book: Book) -> Any:
    return step.gives(step.tensors[0].carried)


def _per_map(step: Step, book: Book) -> Any:
    return step.gives_along(1, step.tensors[0].carried.seen_along(1, book.atoms))


def _together(step: Step, book: Book) -> Any:
    """Tensors meet number by number: channels that meet leave together."""
    shape = tuple(step.value.shape)
    met: list[Seen] = []
    for one in step.tensors:
        lacking = (1,) * (len(shape) - len(one.shape))
        for axis, (own, size) in enumerate(zip(lacking + one.shape, shape, strict=True)):
            if own == 1 < size and _any_varies(step.tensors, axis - len(shape)):
                book.keep_all(one, f"one channel meets {size} in {step.name}")
                break
        else:
            met.append(one)
    if not met:
        return _unknown(step, book)
    first = _spread(met[0], shape)
    for one in met[1:]:
        other = _spread(one, shape)
        if first.axis is not None and first.axis == other.axis:
            book.atoms.join(first.ids, other.ids)
        else:
            book.atoms.join(first.dense, other.dense)
    return step.gives(first)


def _any_varies(tensors: list[Seen], axis: int) -> bool:
    """Whether atoms differ along an axis, counted from the end, in any that has it."""
    return any(len(one.shape) >= -axis and one.carried.varies_along(axis) for one in tensors)


def _spread(one: Seen, shape: tuple[int, ...]) -> Carried:
    """As torch would broadcast it."""
    lacking = len(shape) - len(one.shape)
    own = one.carried
    if own.axis is not None and own.shape[own.axis] == shape[own.axis + lacking]:
        return Carried.along(shape, own.axis + lacking, own.ids)
    return Carried.of(np.broadcast_to(own.dense, shape).copy())


def _joins_ends(step: Step, book: Book) -> Any:
    """Tensors one behind the other, mostly along their channels."""
    parts, axis = step.tensors, step.argument(1, "dim", step.kwargs.get("axis", 0))
    axis %= len(parts[0].shape)
    if all(part.carried.axis == axis for part in parts):
        return step.gives_along(axis, np.concatenate([part.carried.ids for part in parts]))
    return step.moves(_callable(step))


def _moves(step: Step, book: Book) -> Any:
    """Numbers change places; the code must not say how many channels there are."""
    (x, *_), sizes = step.tensors, _sizes(step)
    if step.name == "expand" and x.carried.axis is not None:
        axis = x.carried.axis - len(x.shape)
        if len(sizes) >= -axis and _fixed(sizes[axis]) and x.carried.varies_along(axis):
            book.keep_all(x, f"{step.name} names the number of channels in the code")
    return step.moves(_callable(step))


def _reshapes(step: Step, book: Book) -> Any:
    """Axes are split or merged by sizes; those in the code stay when channels leave.

    Where channels end up along several axes and one of them has a computed size, an axis of fixed
    size stays whole: its positions leave together.
    """
    found, sizes = step.moves(_callable(step)), _sizes(step)
    if not sizes:
        return _unknown(step, book)
    carried = found.carried
    axes = [axis for axis in range(len(carried.shape)) if carried.varies_along(axis)]
    fixed = [axis for axis in axes if axis < len(sizes) and _fixed(sizes[axis])]
    there = set(np.unique(carried.ids).tolist())
    for count in every(Count, (step.args, step.kwargs)):
        if not there.issuperset(np.unique(count.ids).tolist()):
            reason = f"{step.name} uses their number for other channels"
            book.atoms.keep(count.ids, reason)
            book.keep_all(found, reason)
    if fixed and len(fixed) == len(axes):
        book.keep_all(found, f"{step.name} names the number of channels in the code")
    for axis in fixed:
        rows = np.moveaxis(carried.dense, axis, 0)
        book.atoms.join(rows[:-1], rows[1:])
    return found


def _cuts(step: Step, book: Book) -> Any:
    """Parts of a tensor: equal parts of the channels stay equal, other cuts are in the code."""
    if any(not one.value.is_floating_point() for one in step.tensors):
        return _unknown(step, book)
    (x, *_), found = step.tensors, step.moves(_callable(step))
    parts = every(Seen, found)
    everything = set(np.unique(x.carried.ids).tolist())
    if all(set(np.unique(part.carried.ids).tolist()) == everything for part in parts):
        return found
    even = all(p.shape == parts[0].shape and p.carried.axis == x.carried.axis for p in parts)
    counted = step.name == "chunk" or (
        step.name == "split" and not any(map(_fixed, _sizes(step)[:1] or [1]))
    )
    if even and counted and x.carried.axis is not None:
        for one, other in pairwise(parts):
            book.atoms.join(one.carried.ids, other.carried.ids)
    else:
        book.keep_all(x, f"{step.name} cuts channels by numbers in the code")
    return found


def _reduces(step: Step, book: Book) -> Any:
    """Axes go away: over channels the result depends on which there are."""
    if len(step.tensors) > 1:  # torch.maximum under another name
        return _together(step, book)
    if not isinstance(step.value, Tensor) or not step.value.shape:
        return _unknown(step, book)
    (x, *_) = step.tensors
    axes = step.argument(1, "dim")
    axes = range(len(x.shape)) if axes is None else [axes] if isinstance(axes, int) else axes
    gone = {axis % len(x.shape) for axis in axes}
    if any(x.carried.varies_along(axis) for axis in gone):
        reason = f"{step.name} sums up over channels"
        book.keep_all(x, reason)
        return book.kept(step.value, reason)
    keeps = bool(step.argument(2, "keepdim", False))
    index = tuple(
        (slice(0, 1) if keeps else 0) if a in gone else slice(None) for a in range(len(x.shape))
    )
    return step.gives(Carried.of(np.ascontiguousarray(x.carried.dense[index])))


def _weighs(step: Step, book: Book) -> Any:
    (x, *_) = step.tensors
    axes = step.argument(1, "dim", 1)
    if not isinstance(axes, int) or x.carried.varies_along(axes):
        book.keep_all(step.tensors, f"{step.name} weighs channels against each other")
    return step.gives(x.carried)


def _pads(step: Step, book: Book) -> Any:
    (x, *_), sizes = step.tensors, list(step.argument(1, "pad"))
    axis = x.carried.axis
    around = {len(x.shape) - 1 - n: sizes[2 * n : 2 * n + 2] for n in range(len(sizes) // 2)}
    if axis is None:
        return _unknown(step, book)
    before, behind = around.get(axis, (0, 0))
    if not before and not behind:
        return step.gives_along(axis, x.carried.ids)
    if min(before, behind) < 0:
        return _unknown(step, book)
    reason = f"{step.name} adds channels in the code"
    ends = [book.atoms.make(count, kept=reason) for count in (before, behind)]
    return step.gives_along(axis, np.concatenate([ends[0], x.carried.ids, ends[1]]))


def _unknown(step: Step, book: Book) -> Any:
    reason = f"what {step.name} does with channels is not known here"
    book.keep_all(step.tensors, reason)
    return book.kept(step.value, reason)


def _callable(step: Step) -> Callable[..., Any]:
    return getattr(Tensor, step.target) if isinstance(step.target, str) else step.target


def _sizes(step: Step) -> list[Any]:
    """The sizes that a call names, as they stand in the code."""
    rest = step.written[1:]
    if len(rest) == 1 and isinstance(rest[0], list | tuple):
        return list(rest[0])
    return list(rest)


def _fixed(size: Any) -> bool:
    """Whether a size is a number in the code, other than "what is left"."""
    return isinstance(size, int) and size != -1


RULES: tuple[tuple[frozenset[str], Callable[[Step, Book], Any]], ...] = (
    (known.PER_NUMBER, _same),
    (known.TOGETHER, _together),
    (known.PER_MAP, _per_map),
    (known.MOVES, _moves),
    (known.JOINS_ENDS, _joins_ends),
    (known.RESHAPES, _reshapes),
    (known.CUTS, _cuts),
    (known.REDUCES, _reduces),
    (known.WEIGHS, _weighs),
    (known.PADS, _pads),
)
