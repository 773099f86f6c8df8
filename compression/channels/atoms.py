"""Channels that must leave together, as sets that are joined while a network is walked through."""

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]


class Atoms:
    """Atoms are channels as one layer makes them; joined ones leave together or not at all.

    A union-find: every atom belongs to one set. A set can be kept for a reason, then none of its
    atoms may leave.
    """

    def __init__(self) -> None:
        self._parent: list[int] = []
        self._kept: dict[int, str] = {}

    def make(self, count: int, kept: str | None = None) -> Ids:
        """So many new atoms, each alone; with a reason to be `kept`, none may leave."""
        first = len(self._parent)
        self._parent.extend(range(first, first + count))
        new = np.arange(first, first + count)
        if kept is not None:
            self.keep(new, kept)
        return new

    def join(self, some: Ids, others: Ids) -> None:
        """The n-th of `some` and the n-th of `others` leave together."""
        count = len(self._parent)
        for pair in np.unique(some.ravel() * count + others.ravel()).tolist():
            self._join(*divmod(pair, count))

    def join_all(self, ids: Ids) -> None:
        """All of `ids` leave together."""
        flat = np.unique(ids)
        self.join(flat[:-1], flat[1:])

    def keep(self, ids: Ids, reason: str) -> None:
        """None of `ids`, nor what is joined with them, may leave; the first reason counts."""
        for one in np.unique(ids).tolist():
            self._kept.setdefault(self._root(one), reason)

    def settled(self) -> Ids:
        """[atoms]: the set of each, as the number of its first atom."""
        sets = np.array(self._parent, dtype=np.int64)
        for atom, parent in enumerate(self._parent):  # a parent comes before its children
            sets[atom] = sets[parent]
        return sets

    def reason(self, atom: int) -> str | None:
        """Why an atom may not leave, if so."""
        return self._kept.get(self._root(atom))

    def _root(self, atom: int) -> int:
        while self._parent[atom] != atom:
            self._parent[atom] = self._parent[self._parent[atom]]
            atom = self._parent[atom]
        return atom

    def _join(self, one: int, other: int) -> None:
        first, second = sorted((self._root(one), self._root(other)))
        if first == second:
            return
        self._parent[second] = first
        reason = self._kept.pop(second, None)
        if reason is not None:
            self._kept.setdefault(first, reason)
