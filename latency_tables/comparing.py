"""Do two tables agree: on blocks, on networks, and better than counted work agrees with either?"""

from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from latency_tables.cost import CostModel, Macs, Parameters, TableLatency
from latency_tables.sampling import sample_options
from latency_tables.statistics import Numbers, kendall, ranks, spearman
from latency_tables.table import LatencyTable
from proxyless_nas.spaces import is_named, named_space

CHOSEN = 0.1  # the share of networks that a proxy calls fast
EQUAL = 0.02  # networks whose MACs differ by less are equal before a proxy


class Ranking(Struct, frozen=True):
    """How an order of networks by one price agrees with their price in a table.

    `place` is where the tenth that `by` calls fastest stands, on average, in the order of `on`:
    0 is the very fastest network, 1 the slowest.
    """

    by: str
    on: str
    spearman: float
    kendall: float
    place: float


class Networks(Struct, frozen=True):
    """Sampled networks, priced by both tables and by counted work; one number per network.

    `apart` is, per table, how much longer the slower of two networks with equal MACs takes: the
    median and the most over all such pairs; nothing where there are none.
    """

    space: str
    prices: dict[str, list[float]]
    rankings: tuple[Ranking, ...]
    best_place: float
    apart: dict[str, tuple[float, float]]


class Comparison(Struct, frozen=True):
    """Two tables side by side.

    `ratios` are B over A, per shared entry. `networks` is None where none could be priced by both,
    for the `reason` given.
    """

    heads: tuple[tuple[str, str, str], ...]
    shared: tuple[str, ...]
    only_a: int
    only_b: int
    ratios: tuple[float, ...]
    spearman: float
    kendall: float
    networks: Networks | None
    reason: str = ""


def compare_tables(
    a: LatencyTable, b: LatencyTable, networks: int = 200, seed: int = 0
) -> Comparison:
    """Compare entries as they stand, and `networks` of A's space as both tables predict them.

    ValueError where one table prices blocks and the other layers: they have nothing in common.
    """
    kinds = [table.head.identity.granularity for table in (a, b)]
    if kinds[0] != kinds[1]:
        raise ValueError(f"one table prices {kinds[0]}s, the other {kinds[1]}s")
    if networks < 2:
        raise ValueError(f"--networks {networks} is below 2")
    shared = tuple(key for key in a.entries if key in b.entries)
    first = [a.entries[key].ms for key in shared]
    second = [b.entries[key].ms for key in shared]
    reason, found = "", None
    try:
        found = _networks(a, b, networks, seed)
    except (LookupError, ValueError) as error:
        reason = str(error)
    return Comparison(
        heads=_heads(a, b),
        shared=shared,
        only_a=len(a.entries) - len(shared),
        only_b=len(b.entries) - len(shared),
        ratios=tuple(theirs / mine for mine, theirs in zip(first, second, strict=True)),
        spearman=spearman(first, second) if shared else 0.0,
        kendall=kendall(first, second) if shared else 0.0,
        networks=found,
        reason=reason,
    )


def place_of_chosen(by: Numbers, on: Numbers) -> float:
    """The mean place, 0 to 1, in the order of `on` of the tenth that comes first in `by`."""
    chosen = np.argsort(np.asarray(by, dtype=float), kind="stable")[: _tenth(len(by))]
    return float(ranks(on)[chosen].mean() / (len(on) - 1))


def apart_at_equal(macs: Numbers, times: Numbers) -> tuple[float, float] | None:
    """Median and most of slower / faster - 1 over all pairs with equal MACs; None without pairs."""
    work, ms = np.asarray(macs, dtype=float), np.asarray(times, dtype=float)
    one, other = np.triu_indices(len(work), 1)
    ratio = work[one] / work[other]
    equal = np.maximum(ratio, 1 / ratio) < 1 + EQUAL
    if not equal.any():
        return None
    ratio = (ms[one] / ms[other])[equal]
    longer = np.maximum(ratio, 1 / ratio) - 1
    return float(np.median(longer)), float(longer.max())


def lines(comparison: Comparison) -> list[str]:
    """What the command prints."""
    names = max(len(name) for name, _, _ in comparison.heads)
    width = max(len(mine) for _, mine, _ in comparison.heads)
    said = [f"{'':<{names}}   {'A':<{width}}   B"]
    for name, mine, theirs in comparison.heads:
        mark = " " if mine == theirs or name == "table" else "*"
        said.append(f"{name:<{names}} {mark} {mine:<{width}}   {theirs}")
    said += ["", f"{len(comparison.shared)} shared entries, {comparison.only_a} only in A, "
             f"{comparison.only_b} only in B"]  # fmt: skip
    if comparison.ratios:
        ratios = comparison.ratios
        said.append(
            f"B / A per entry: median {np.median(ratios):.3g} ({min(ratios):.3g} to "
            f"{max(ratios):.3g}); Spearman {comparison.spearman:.3f}, Kendall "
            f"{comparison.kendall:.3f}"
        )
    said.append("")
    if comparison.networks is None:
        return [*said, f"no networks were compared: {comparison.reason}"]
    return [*said, *_network_lines(comparison.networks)]


def _network_lines(networks: Networks) -> list[str]:
    many = len(next(iter(networks.prices.values())))
    said = [
        f"{many} networks sampled from space {networks.space}, of all depths",
        f"{'order by':<12} {'seen on':<8} {'Spearman':>8} {'Kendall':>8}   its fastest "
        f"{CHOSEN:.0%} stand, on average, at",
    ]
    said += [
        f"{each.by:<12} {each.on:<8} {each.spearman:>8.3f} {each.kendall:>8.3f}   "
        f"{each.place:.1%} of the order"
        for each in networks.rankings
    ]
    said.append(
        f"(the true fastest {CHOSEN:.0%} stand at {networks.best_place:.1%}, a draw of lots at 50%)"
    )
    said += [
        f"two of them with MACs within {EQUAL:.0%} differ in latency on {on} by {middle:.1%} in "
        f"the median, by {most:.1%} at most"
        for on, (middle, most) in networks.apart.items()
    ]
    return said


def _networks(a: LatencyTable, b: LatencyTable, many: int, seed: int) -> Networks:
    name = a.head.identity.space
    if not is_named(name):
        raise ValueError(f"space {name} has no name that networks could be sampled by")
    space = named_space(name)
    specs = [space.network(options) for options in sample_options(space, many, seed)]
    costs: dict[str, CostModel] = {
        "A": TableLatency(a), "B": TableLatency(b), "MACs": Macs(), "parameters": Parameters()
    }  # fmt: skip
    prices = {word: [cost.network(spec) for spec in specs] for word, cost in costs.items()}
    pairs = [("A", "B"), ("MACs", "A"), ("MACs", "B"), ("parameters", "A"), ("parameters", "B")]
    return Networks(
        name,
        prices,
        tuple(_ranking(prices, by, on) for by, on in [pairs[0], ("B", "A"), *pairs[1:]]),
        (_tenth(many) - 1) / 2 / (many - 1),
        {on: seen for on in ("A", "B") if (seen := apart_at_equal(prices["MACs"], prices[on]))},
    )


def _ranking(prices: dict[str, list[float]], by: str, on: str) -> Ranking:
    first, second = prices[by], prices[on]
    place = place_of_chosen(first, second)
    return Ranking(by, on, spearman(first, second), kendall(first, second), place)


def _tenth(many: int) -> int:
    return max(1, round(CHOSEN * many))


def _heads(a: LatencyTable, b: LatencyTable) -> tuple[tuple[str, str, str], ...]:
    rows = [_head(table) for table in (a, b)]
    return tuple((name, rows[0][name], rows[1][name]) for name in rows[0])


def _head(table: LatencyTable) -> dict[str, str]:
    head, fit = table.head, table.calibration
    identity = head.identity
    return {
        "table": table.path or "(not saved)",
        "space": identity.space,
        "device": str(identity.device),
        "runtime": f"{identity.runtime.name} {identity.runtime.version}",
        "dtype": identity.dtype,
        "threads": str(identity.threads),
        "batch": str(identity.batch),
        "context": identity.context,
        "source": head.source or "measured",
        "date": head.date,
        "calibrated": "no" if fit is None else f"error {fit.mape:.1%}",
        "contended": head.reason or ("yes" if head.contended else "no"),
    }


def names_of(a: LatencyTable, b: LatencyTable) -> Sequence[str]:
    """What people call the two tables: their devices, with A and B where these are the same."""
    names = [str(table.head.identity.device) for table in (a, b)]
    return names if names[0] != names[1] else [f"{names[0]}, A", f"{names[1]}, B"]
