"""The same everywhere: what a search for different numbers must be better than."""

from collections.abc import Sequence
from itertools import product

from search.choices import Choices, NotMet
from search.strategies.fitting import Excess
from search.strategies.remembering import Options, Remembering


class Uniform(Remembering):
    """All knobs of a kind are as far along their options as each other.

    `kinds` [knobs] says which are alike; one with fewer options has the nearest. Judged are those
    for which `excess(options) <= 1`, and that do not do more of everything than another one that
    fits; the one of least `Evidence.loss` is the answer. NotMet where none fits.
    """

    def __init__(self, counts: Sequence[int], kinds: Sequence[str], excess: Excess) -> None:
        super().__init__(counts)
        self._wanted = same_everywhere(counts, kinds, excess)
        if not self._wanted:
            raise NotMet("the goal cannot be met by the same numbers everywhere")

    @property
    def networks(self) -> int:
        """How many are judged."""
        return len(self._wanted)

    def ask(self) -> tuple[Choices, ...]:
        """All that were not judged."""
        return tuple(Choices(one) for one in self._wanted if one not in self._seen)

    def best(self) -> Choices:
        """The best judged; before any was, the first."""
        return Choices(min(self._seen, key=self._seen.__getitem__, default=self._wanted[0]))


def same_everywhere(counts: Sequence[int], kinds: Sequence[str], excess: Excess) -> list[Options]:
    """Knobs of a kind [knobs] are as far along their `counts` [knobs] of options as each other.

    Those that fit, without those that do more of everything than another one that fits.
    """
    names = list(dict.fromkeys(kinds))
    most = {name: max(c for c, k in zip(counts, kinds, strict=True) if k == name)
            for name in names}  # fmt: skip
    fitting: list[tuple[Options, Options]] = []
    for steps in product(*(range(most[name]) for name in names)):
        step = dict(zip(names, steps, strict=True))
        options = tuple(
            round(step[k] * (c - 1) / max(most[k] - 1, 1))
            for c, k in zip(counts, kinds, strict=True)
        )
        if excess(options) <= 1:
            fitting.append((steps, options))
    return [
        options
        for steps, options in fitting
        if not any(
            other != steps and all(a <= b for a, b in zip(other, steps, strict=True))
            for other, _ in fitting
        )
    ]
