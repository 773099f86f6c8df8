"""Charts of two tables: entry against entry, network against network, and MACs against both."""

from collections.abc import Sequence

from latency_tables.charts.kinds import Kind, kinds_of, legend_of, name_of
from latency_tables.comparing import Comparison, Networks, names_of
from latency_tables.parts import parse_part
from latency_tables.table import LatencyTable
from proxyless_nas.drawing.keys import key_rows
from proxyless_nas.drawing.markup import Markup
from proxyless_nas.drawing.page import Chart
from proxyless_nas.drawing.scatter import Dot, dots
from proxyless_nas.drawing.svg import axis, disc, frame, picture
from proxyless_nas.drawing.words import milliseconds


def comparison_charts(a: LatencyTable, b: LatencyTable, found: Comparison) -> list[Chart]:
    """What can be drawn: networks first, as they are what counts."""
    first, second = (f"{name}, ms" for name in names_of(a, b))
    charts: list[Chart] = []
    if found.networks is not None:
        charts += _network_charts(found.networks, first, second)
    if len(found.shared) > 1:
        charts.append(_entries(a, b, found, first, second))
    return charts


def _network_charts(networks: Networks, first: str, second: str) -> list[Chart]:
    prices = networks.prices
    many = f"{len(prices['A'])} networks sampled from space {networks.space}, of all depths. "
    by = {(each.by, each.on): each for each in networks.rankings}
    charts: list[Chart] = []
    for one, x_label in (("A", first), ("MACs", "million MACs")):
        scale = 1e6 if one == "MACs" else 1.0
        ranking = by[one, "B"]
        points = [
            Dot(x / scale, y, disc, "first", f"{x / scale:.4g} and {milliseconds(y)}")
            for x, y in zip(prices[one], prices["B"], strict=True)
        ]
        note = (
            f"{many}Rank correlation {ranking.spearman:.3f}; the fastest tenth by {one} stands, on "
            f"average, at {ranking.place:.1%} of the order on B (at best "
            f"{networks.best_place:.1%})."
        )
        charts.append(_scatter(f"Networks: B against {one}", note, x_label, second, points, []))
    return charts


def _entries(a: LatencyTable, b: LatencyTable, found: Comparison, first: str, second: str) -> Chart:
    parts = [parse_part(key) for key in found.shared]
    kinds = kinds_of(parts)
    points = [
        Dot(
            a.entries[key].ms,
            b.entries[key].ms,
            kind.mark,
            kind.class_,
            f"{name_of(part)}: {milliseconds(a.entries[key].ms)} and "
            f"{milliseconds(b.entries[key].ms)}",
        )
        for key, part, kind in zip(found.shared, parts, kinds, strict=True)
    ]
    note = f"{len(points)} shared entries. Rank correlation {found.spearman:.3f}."
    return _scatter("Entries: B against A", note, first, second, points, kinds)


def _scatter(
    title: str,
    note: str,
    x_label: str,
    y_label: str,
    points: Sequence[Dot],
    kinds: Sequence[Kind],
) -> Chart:
    def draw(width: float) -> Markup:
        legend, used = key_rows(legend_of(kinds), 2, 0, width) if kinds else (Markup(""), 0.0)
        height = 0.45 * width + 130 + used
        about = 4 if width < 500 else 8
        x = axis(x_label, [0.0, *(point.x for point in points)], 52, width - 16, about)
        y = axis(y_label, [0.0, *(point.y for point in points)], height - 46, used + 42, 8)
        return picture(width, height, title, legend, frame(x, y), dots(x, y, points))

    return Chart(title, note, draw)
