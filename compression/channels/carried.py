"""Which atom every number of a tensor comes from."""

from dataclasses import dataclass

import numpy as np

from compression.channels.atoms import Atoms, Ids


@dataclass(frozen=True)
class Carried:
    """What a tensor carries: the atom at every position.

    Mostly atoms differ along one axis, the channels, and are the same along all others: then
    `ids` [size of `axis`] says it. Otherwise `axis` is None and `ids` has the tensor's shape.
    """

    shape: tuple[int, ...]
    axis: int | None
    ids: Ids

    @staticmethod
    def along(shape: tuple[int, ...], axis: int, ids: Ids) -> "Carried":
        """Atoms that differ along one axis; a negative one counts from the end."""
        axis %= len(shape)
        assert ids.shape == (shape[axis],)
        return Carried(shape, axis, ids)

    @staticmethod
    def of(dense: Ids) -> "Carried":
        """From the atom at every position."""
        varying = [axis for axis in range(dense.ndim) if (dense != dense.take([0], axis)).any()]
        if len(varying) > 1 or not dense.ndim:
            return Carried(dense.shape, None, dense)
        axis = varying[0] if varying else 0
        first: list[int | slice] = [0] * dense.ndim
        first[axis] = slice(None)
        return Carried(dense.shape, axis, dense[tuple(first)].copy())

    @property
    def dense(self) -> Ids:
        """The atom at every position."""
        if self.axis is None:
            return self.ids
        form = [-1 if axis == self.axis else 1 for axis in range(len(self.shape))]
        return np.broadcast_to(self.ids.reshape(form), self.shape)

    def varies_along(self, axis: int) -> bool:
        """Whether different atoms stand along an axis."""
        axis %= len(self.shape)
        if self.axis is not None:
            return axis == self.axis and bool((self.ids != self.ids[0]).any())
        return bool((self.ids != self.ids.take([0], axis)).any())

    def seen(self, axis: int) -> Ids:
        """All atoms, one by one along `axis` where they differ there alone."""
        return self.ids if axis % len(self.shape) == self.axis else np.unique(self.ids)

    def seen_along(self, axis: int, atoms: Atoms) -> Ids:
        """[size of `axis`]: an atom per position; what shares a position is joined."""
        axis %= len(self.shape)
        if axis == self.axis:
            return self.ids
        rows = np.moveaxis(self.dense, axis, 0).reshape(self.shape[axis], -1)
        for row in rows:
            atoms.join_all(row)
        return rows[:, 0].copy()
