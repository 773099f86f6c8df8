"""What every option costs: a fixed part, and one row of prices per knob."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

Options = Sequence[int]


class Prices:
    """The cost of a network is `fixed` plus one price per knob, all in `unit`.

    `rows` [knobs, widest] is padded with zeros where a knob has fewer options than `widest`.
    """

    def __init__(self, fixed: float, rows: Sequence[np.ndarray], unit: str) -> None:
        self.fixed = fixed
        self.unit = unit
        self.counts = tuple(len(row) for row in rows)
        self.rows = torch.zeros(len(rows), max(self.counts), dtype=torch.float64)
        for index, row in enumerate(rows):
            self.rows[index, : len(row)] = torch.from_numpy(row)

    @staticmethod
    def free(counts: Sequence[int]) -> "Prices":
        """Nothing costs anything."""
        return Prices(0.0, [np.zeros(count) for count in counts], "")

    def of(self, options: Options) -> float:
        """The cost of one network."""
        return self.fixed + float(
            self.rows[torch.arange(len(options)), torch.tensor(options)].sum()
        )

    def expected(self, probabilities: Tensor) -> float:
        """E = fixed + sum over knobs of sum_i p_i T_i, with p [knobs, widest]."""
        return self.fixed + float((probabilities * self.rows).sum())

    def arrays(self) -> list[np.ndarray]:
        """The rows without their padding."""
        return [row[:count].numpy() for row, count in zip(self.rows, self.counts, strict=True)]

    @property
    def alive(self) -> Tensor:
        """[knobs, widest]: where there is an option."""
        return torch.arange(self.rows.shape[1]) < torch.tensor(self.counts)[:, None]

    @property
    def least(self) -> float:
        """The cost of the cheapest network."""
        return self.fixed + sum(float(row.min()) for row in self.arrays())

    @property
    def most(self) -> float:
        """The cost of the dearest network."""
        return self.fixed + sum(float(row.max()) for row in self.arrays())

    def tilted(self, mean: float) -> Tensor:
        """Probabilities [knobs, widest] of the given mean cost that prefer nothing else.

        p_i ~ exp(-s T_i) with one s for all knobs: of all distributions with that mean it has the
        most entropy. `mean` is brought between the cheapest and the dearest network.
        """
        ranges = [float(row.max() - row.min()) for row in self.arrays()]
        steepest = 700.0 / min((one for one in ranges if one > 0), default=1.0)
        low, high = -steepest, steepest

        def at(tilt: float) -> Tensor:
            return torch.softmax(torch.where(self.alive, -tilt * self.rows, -torch.inf), dim=1)

        for _ in range(100):
            middle = (low + high) / 2
            low, high = (middle, high) if self.expected(at(middle)) > mean else (low, middle)
        return at(high)
