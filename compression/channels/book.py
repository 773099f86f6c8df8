"""What is written down on the way through a network: atoms, and which tensors use them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.fx.node import map_aggregate

from compression.channels.atoms import Atoms, Ids
from compression.channels.carried import Carried
from compression.channels.count import Count
from compression.channels.structure import every

Role = Literal["makes", "takes", "carries"]


@dataclass(frozen=True)
class Seen:
    """A tensor on the way: its shape, without data, and what it carries."""

    value: Tensor
    carried: Carried

    @property
    def shape(self) -> tuple[int, ...]:
        """As of the tensor."""
        return tuple(self.value.shape)


@dataclass(frozen=True)
class Use:
    """A parameter or buffer whose positions along `axis` belong to the atoms `ids`.

    A layer `makes` channels, `takes` them from another, or `carries` them: batch norm does.
    """

    tensor: str
    axis: int
    ids: Ids
    role: Role


class Book:
    """What is written down on the way: atoms, and who uses them."""

    def __init__(self, module: nn.Module) -> None:
        self.atoms = Atoms()
        self.uses: dict[tuple[str, int], Use] = {}
        names: dict[int, str] = {}
        tensors = (
            *module.named_parameters(remove_duplicate=False),
            *module.named_buffers(remove_duplicate=False),
        )
        self._canonical = {name: names.setdefault(id(tensor), name) for name, tensor in tensors}
        self.sizes = {name: tuple(tensor.shape) for name, tensor in tensors}

    def use(self, tensor: str, axis: int, ids: Ids, role: Role) -> None:
        """Note a use; where a tensor is used again, its positions are joined with those before.

        What a module does not have, like the bias of a layer without one, is not noted.
        """
        if tensor not in self._canonical:
            return
        name = self._canonical[tensor]
        assert self.sizes[name][axis] == len(ids), (name, axis, self.sizes[name], len(ids))
        before = self.uses.setdefault((name, axis), Use(name, axis, ids, role))
        if before.ids is not ids:
            self.atoms.join(before.ids, ids)

    def kept(self, value: Any, reason: str) -> Any:
        """`value` with atoms that may not leave in place of its tensors."""
        return map_aggregate(value, lambda one: self._kept_one(one, reason))

    def _kept_one(self, value: Any, reason: str) -> Any:
        if not isinstance(value, Tensor):
            return value
        shape = tuple(value.shape)
        (atom,) = self.atoms.make(1, kept=reason).tolist()
        if not shape:
            return Seen(value, Carried(shape, None, np.array(atom)))
        return Seen(value, Carried(shape, 0, np.full(shape[0], atom)))

    def keep_all(self, values: Any, reason: str) -> None:
        """No atom of these tensors may leave."""
        for one in every(Seen, values):
            self.atoms.keep(one.carried.ids, reason)


def without_atoms(values: Any) -> Any:
    """The same structure with bare tensors, and bare numbers beside them."""
    numbers = bool(every(Seen, values))

    def bare(one: Any) -> Any:
        if isinstance(one, Seen):
            return one.value
        return int(one) if numbers and isinstance(one, Count) else one

    return map_aggregate(values, bare)


@dataclass(frozen=True)
class Step:
    """One operation of the network: with what it was called, and what came out, without data.

    `name` is that of the module, function or method, `target` what the graph calls. `written` are
    the arguments as they stand in the code: a number there stays when channels leave, an `fx.Node`
    is computed anew.
    """

    name: str
    target: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    written: tuple[Any, ...]
    value: Any

    @property
    def tensors(self) -> list[Seen]:
        """All tensors among the arguments."""
        return every(Seen, (self.args, self.kwargs))

    def argument(self, place: int, name: str, default: Any = None) -> Any:
        """An argument that may be given by place or by name."""
        if len(self.args) > place:
            return self.args[place]
        return self.kwargs.get(name, default)

    def gives(self, carried: Carried) -> Seen:
        """The output with what it carries."""
        assert tuple(self.value.shape) == carried.shape, (self.name, carried.shape)
        return Seen(self.value, carried)

    def gives_along(self, axis: int, ids: Ids) -> Seen:
        """The output with atoms along one axis."""
        return self.gives(Carried.along(tuple(self.value.shape), axis, ids))

    def moves(self, function: Callable[..., Any]) -> Any:
        """The output of a function that only puts numbers elsewhere, with their atoms."""
        args, kwargs = map_aggregate((self.args, dict(self.kwargs)), _atoms_in)  # type: ignore[misc]
        found = iter(every(Tensor, function(*args, **kwargs)))

        def with_atoms(one: Any) -> Any:
            if not isinstance(one, Tensor):
                return one
            return Seen(one, Carried.of(next(found).numpy()))

        return map_aggregate(self.value, with_atoms)


def _atoms_in(value: Any) -> Any:
    return torch.from_numpy(value.carried.dense.copy()) if isinstance(value, Seen) else value
