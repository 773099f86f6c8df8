"""What every option costs: a fixed part, and one row of prices per knob."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Generator, Tensor

Options = Sequence[int]
Priced = tuple[float, Sequence[np.ndarray]]


class Prices:
    """The cost of a network is `fixed` plus one price per knob, all in `unit`.

    Where `others` are given, one more knob, the last, chooses the fixed part and all prices: its
    options are the first pair and each of them. So the widths of a space change what everything
    else costs.
    """

    def __init__(
        self,
        fixed: float,
        rows: Sequence[np.ndarray],
        unit: str,
        others: Sequence[Priced] = (),
    ) -> None:
        self.unit = unit
        tables: list[Priced] = [(fixed, rows), *others]
        own = tuple(len(row) for row in rows)
        self.counts = (*own, len(tables)) if others else own
        self._fixed = torch.tensor([fixed for fixed, _ in tables], dtype=torch.float64)
        shape = (len(tables), len(self.counts), max(self.counts))
        self._rows = torch.zeros(shape, dtype=torch.float64)
        for table, (_, rows) in enumerate(tables):
            for knob, row in enumerate(rows):
                self._rows[table, knob, : len(row)] = torch.from_numpy(row)

    @staticmethod
    def free(counts: Sequence[int]) -> "Prices":
        """Nothing costs anything."""
        return Prices(0.0, [np.zeros(count) for count in counts], "")

    def of(self, options: Options) -> float:
        """The cost of one network."""
        table = self._table(options)
        knobs = torch.arange(len(options))
        return float(self._fixed[table] + self._rows[table, knobs, torch.tensor(options)].sum())

    def expected(self, probabilities: Tensor) -> float:
        """E = sum over tables of q (fixed + sum over knobs of sum_i p_i T_i), p [knobs, widest].

        q is the last row of p where that knob chooses the table, else there is but one.
        """
        return float((self._chosen(probabilities) * self._per_table(probabilities)).sum())

    def slopes(self, probabilities: Tensor) -> Tensor:
        """dE/dp [knobs, widest]; without a choice of tables that is the prices, whatever p is."""
        slopes = (self._chosen(probabilities)[:, None, None] * self._rows).sum(dim=0)
        if self._several:
            slopes[-1, : len(self._fixed)] = self._per_table(probabilities)
        return slopes

    def tables(self) -> Iterator[tuple[float, list[np.ndarray]]]:
        """Every fixed part with its rows, those without padding and without the last knob's."""
        counts = self.counts[:-1] if self._several else self.counts
        for fixed, rows in zip(self._fixed, self._rows, strict=True):
            yield (
                float(fixed),
                [row[:count].numpy() for row, count in zip(rows, counts, strict=False)],
            )

    def options_of(self, table: int, options: Options) -> tuple[int, ...]:
        """The whole choice, from the table's place in `tables` and the other knobs' options."""
        return (*options, table) if self._several else tuple(options)

    @property
    def alive(self) -> Tensor:
        """[knobs, widest]: where there is an option."""
        return torch.arange(self._rows.shape[2]) < torch.tensor(self.counts)[:, None]

    @property
    def least(self) -> float:
        """The cost of the cheapest network."""
        return self.of(self.cheapest)

    @property
    def most(self) -> float:
        """The cost of the dearest network."""
        return max(fixed + sum(float(row.max()) for row in rows) for fixed, rows in self.tables())

    @property
    def cheapest(self) -> tuple[int, ...]:
        """The network that costs least."""
        each = (
            self.options_of(place, [int(row.argmin()) for row in rows])
            for place, (_, rows) in enumerate(self.tables())
        )
        return min(each, key=self.of)

    def must_allow(self, budget: float) -> None:
        """ValueError where even the cheapest network is dearer than the budget."""
        if not self.least <= budget:
            raise ValueError(
                f"budget {budget:g} {self.unit} cannot be met: the cheapest choice costs "
                f"{self.least:g}"
            )

    def tilted(self, mean: float) -> "Tilted":
        """Networks of the given mean cost, as likely as any other of the same cost.

        P(network) ~ exp(-s cost) with one s: of all distributions with that mean it has the most
        entropy. `mean` is brought between the cheapest and the dearest network.
        """
        ranges = [float(r.max() - r.min()) for _, rows in self.tables() for r in rows]
        ranges.append(float(self._fixed.max() - self._fixed.min()))
        steepest = 700.0 / min((one for one in ranges if one > 0), default=1.0)
        low, high = -steepest, steepest
        for _ in range(100):
            middle = (low + high) / 2
            low, high = (middle, high) if self._at(middle).mean > mean else (low, middle)
        return self._at(high)

    def _at(self, tilt: float) -> "Tilted":
        scores = torch.where(self.alive, -tilt * self._rows, -torch.inf)
        whole = torch.logsumexp(scores, dim=2).sum(dim=1) - tilt * self._fixed
        chosen, p = torch.softmax(whole, dim=0), torch.softmax(scores, dim=2)
        per_table = self._fixed + (p * self._rows).sum(dim=(1, 2))
        return Tilted(chosen, p, float((chosen * per_table).sum()))

    def _table(self, options: Options) -> int:
        return options[-1] if self._several else 0

    @property
    def _several(self) -> bool:
        return len(self._fixed) > 1

    def _chosen(self, probabilities: Tensor) -> Tensor:
        """q [tables]."""
        if not self._several:
            return torch.ones(1, dtype=torch.float64)
        return probabilities[-1, : len(self._fixed)]

    def _per_table(self, probabilities: Tensor) -> Tensor:
        """[tables]: the expected cost with each."""
        return self._fixed + (probabilities * self._rows).sum(dim=(1, 2))


@dataclass(frozen=True)
class Tilted:
    """A distribution over networks, and the mean cost of what it draws.

    A table of prices is drawn from `chosen` [tables], then options from its `p` [knobs, widest].
    """

    chosen: Tensor
    p: Tensor
    mean: float

    def draw(self, generator: Generator) -> tuple[int, ...]:
        """One network."""
        table = 0
        if len(self.chosen) > 1:
            table = int(torch.multinomial(self.chosen, 1, generator=generator))
        options = torch.multinomial(self.p[table], 1, generator=generator)[:, 0].tolist()
        return tuple(options) if len(self.chosen) == 1 else (*options[:-1], table)
