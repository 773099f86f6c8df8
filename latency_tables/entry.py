"""One price: what was measured of a block or layer, and how entries are made from visits."""

import math
from collections.abc import Iterable

import numpy as np
from msgspec import Struct, structs

from latency_tables.parts import AnyPart
from latency_tables.protocol import Visit
from latency_tables.statistics import half_width, p10


class Entry(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The price of one block or layer, in ms: quantiles over all timed calls.

    A measured entry has quantiles; `p10_ms` is the value that predictions use. An imported one has
    `mean_ms` instead, perhaps with `std_ms`. `confidence` is the 95 % half-width of the visits,
    relative (see `statistics.half_width`). `energy_mj` is the energy of the whole CPU package per
    call, in millijoules, where the device can tell. `weight_bytes` counts float32 weights and
    biases after batch norm has been folded away.
    """

    macs: int
    weight_bytes: int
    p10_ms: float | None = None
    p50_ms: float | None = None
    p90_ms: float | None = None
    min_ms: float | None = None
    mean_ms: float | None = None
    std_ms: float | None = None
    visits: int | None = None
    calls: int | None = None
    confidence: float | None = None
    energy_mj: float | None = None

    @property
    def ms(self) -> float:
        """The value that predictions use: the p10, or the mean of an imported entry."""
        value = self.p10_ms if self.p10_ms is not None else self.mean_ms
        if value is None:
            raise ValueError("an entry with neither p10_ms nor mean_ms has no price")
        return value

    def at_speed(self, factor: float) -> "Entry":
        """The entry with all its times multiplied by `factor`."""
        names = ("p10_ms", "p50_ms", "p90_ms", "min_ms", "mean_ms", "std_ms")
        times = {name: getattr(self, name) for name in names}
        return structs.replace(self, **{k: v * factor for k, v in times.items() if v is not None})


def entry_of(part: AnyPart, visits: list[Visit]) -> Entry:
    """Sum up the visits of a part that was timed alone."""
    calls = np.concatenate([seen.spent for seen in visits]) / 1e6
    low, middle, high = (float(q) for q in np.percentile(calls, [10, 50, 90]))
    return Entry(
        macs=part.macs,
        weight_bytes=part.weight_bytes,
        p10_ms=low,
        p50_ms=middle,
        p90_ms=high,
        min_ms=float(calls.min()),
        visits=len(visits),
        calls=len(calls),
        confidence=half_width([seen.statistic for seen in visits]),
        energy_mj=_energy_mj(visits),
    )


def difference(whole: Entry, before: Entry) -> Entry:
    """What the second half of `whole` adds, where `before` is the first half alone.

    Quantiles are differences of quantiles; the confidence is that of a difference.
    """
    times = {
        name: getattr(whole, name) - getattr(before, name)
        for name in ("p10_ms", "p50_ms", "p90_ms", "min_ms")
    }
    energy = None
    if whole.energy_mj is not None and before.energy_mj is not None:
        energy = whole.energy_mj - before.energy_mj
    errors = [(one.confidence or 0.0) * one.ms for one in (whole, before)]
    width = math.hypot(*errors) / max(abs(times["p10_ms"]), 1e-9)
    return structs.replace(whole, **times, confidence=width, energy_mj=energy)


def p10_ms(visits: Iterable[Visit]) -> float:
    """The 10 % quantile over all calls of some visits, in ms."""
    return p10(np.concatenate([seen.spent for seen in visits])) / 1e6


def _energy_mj(visits: list[Visit]) -> float | None:
    energies = [seen.energy_uj for seen in visits]
    if any(energy is None for energy in energies):
        return None
    return sum(filter(None, energies)) / 1e3 / sum(len(seen.spent) for seen in visits)
