"""Try every knob's options alone, then solve a knapsack: nothing is left to chance."""

import math
from collections.abc import Iterator, Sequence

import numpy as np

from search.choices import Choices
from search.knapsack import solve
from search.knapsack.neighbours import neighbours
from search.prices import Prices
from search.sensitivities import all_losses
from search.strategies.remembering import Options, Remembering, probes_then_tries

ROUNDING = 1e-12  # relatively; sums of the same prices in another order differ by less


class Knapsack(Remembering):
    """Losses are taken to add up over knobs, as in HAWQ-V3 (Yao et al. 2021).

    First `start` is judged, then `start` with one knob at one other option, for all options in
    `probed` [knobs]. What was not probed is filled in by `all_losses`, from `places` [options,
    axes] per knob. The answer is the assignment of least summed loss within the budget. Up to
    `tries` more networks are judged: that assignment, and small moves from the best judged so far;
    then the answer is the best judged. All goes by `Evidence.loss`.

    By default `start` is every knob's dearest option, all options are probed, and places are the
    ranks of prices. Where `losses` [knobs][options] are known already, nothing is probed. At most
    `batch` networks are asked for at a time; what was asked for and is not told is asked for again.
    The answer costs at most `budget`, as `prices.of` counts it.
    """

    def __init__(
        self,
        prices: Prices,
        budget: float,
        start: Sequence[int] | None = None,
        probed: Sequence[Sequence[int]] | None = None,
        places: Sequence[np.ndarray] | None = None,
        tries: int = 0,
        batch: int = 10,
        losses: Sequence[np.ndarray] | None = None,
    ) -> None:
        super().__init__(prices.counts)
        (fixed, self._rows), *others = prices.tables()
        if others:
            raise ValueError("in a knapsack no option may change the prices of other knobs")
        self.prices, self.budget, self.tries, self.batch = prices, budget, tries, batch
        self._room, self._least = budget - fixed, math.fsum(float(r.min()) for r in self._rows)
        prices.must_allow(budget)
        dearest = tuple(int(row.argmax()) for row in self._rows)
        self.start = dearest if start is None else tuple(start)
        self._probed = [range(count) for count in prices.counts] if probed is None else probed
        self._places = [_ranks(row) for row in self._rows] if places is None else places
        self._known = losses
        self._probes = tuple(dict.fromkeys([self.start, *self._alone()])) if losses is None else ()
        self._losses(dict.fromkeys(self._probes, 0.0))  # a probe that is missing is told now

    def fits(self, options: Options) -> bool:
        """Whether it costs at most the budget."""
        return self.prices.of(options) <= self.budget

    def ask(self) -> tuple[Choices, ...]:
        """Probes that are missing, then tries; nothing when all is done."""
        left = self.tries - sum(one not in self._probes for one in self._seen)
        return probes_then_tries(self._seen, self._probes, self._proposals, self.batch, left)

    def best(self) -> Choices:
        """The best judged, or where that is not known to be better, what the knapsack says; the
        cheapest as long as probes are missing."""
        if self._probing:
            return Choices(self.prices.cheapest)
        solution = self._solution()
        if self.tries == 0 or solution not in self._seen:
            return Choices(solution)
        return Choices(min(filter(self.fits, self._seen), key=self._seen.__getitem__))

    def told(self) -> dict[str, float]:
        """How many networks were judged, and what the answer is predicted to lose."""
        known = super().told()
        if self._probing:
            return known
        lost = sum(
            float(row[option])
            for row, option in zip(self.losses(), self.best().options, strict=True)
        )
        start = self._seen[self.start] if self._known is None else 0.0
        return known | {"predicted_loss": start + lost}

    @property
    def probes(self) -> int:
        """How many networks show what options lose alone."""
        return len(self._probes)

    def losses(self) -> list[np.ndarray]:
        """[knobs][options]: what each option loses against `start`, when all probes are told."""
        return self._losses(self._seen)

    @property
    def _probing(self) -> bool:
        return not self._seen.keys() >= set(self._probes)

    def _alone(self) -> Iterator[Options]:
        for knob, options in enumerate(self._probed):
            yield from (self._with(knob, option) for option in options)

    def _with(self, knob: int, option: int) -> Options:
        return (*self.start[:knob], option, *self.start[knob + 1 :])

    def _losses(self, seen: dict[Options, float]) -> list[np.ndarray]:
        if self._known is not None:
            return list(self._known)
        whole = seen[self.start]
        rows: list[np.ndarray] = []
        for knob, options in enumerate(self._probed):
            known = {option: seen[self._with(knob, option)] - whole for option in options}
            rows.append(all_losses(known, self._places[knob], self.start[knob]))
        return rows

    def _solution(self) -> Options:
        losses = self.losses()
        for room in (self._room, self._room - ROUNDING * abs(self.budget)):
            if room < self._least:
                break  # nothing but the cheapest fits
            options = solve(losses, self._rows, room).options
            if self.fits(options):
                return options
        return self.prices.cheapest

    def _proposals(self) -> Iterator[Options]:
        yield self._solution()
        losses = self.losses()
        near = neighbours(losses, self._rows, self._room, self.best().options)
        yield from filter(self.fits, near)


def _ranks(prices: np.ndarray) -> np.ndarray:
    """[options, 1]: how many cheaper prices there are."""
    return np.unique(prices, return_inverse=True)[1][:, None].astype(float)
