"""Charts of a table's entries: latency against work, and the slowest ones."""

from latency_tables.charts.kinds import kinds_of, legend_of, name_of, note_of
from latency_tables.parts import parse_part
from latency_tables.statistics import spearman
from latency_tables.table import LatencyTable
from proxyless_nas.drawing.bars import Bar, bar_chart
from proxyless_nas.drawing.keys import key_rows
from proxyless_nas.drawing.markup import Markup
from proxyless_nas.drawing.page import Chart
from proxyless_nas.drawing.scatter import Dot, dots
from proxyless_nas.drawing.svg import axis, frame, picture
from proxyless_nas.drawing.words import count, milliseconds, places_for

MOST_BARS = 20


def work_chart(table: LatencyTable) -> Chart:
    """Latency against MACs, one mark per entry."""
    keys = list(table.entries)
    parts = [parse_part(key) for key in keys]
    entries = [table.entries[key] for key in keys]
    kinds = kinds_of(parts)
    points = [
        Dot(
            part.macs / 1e6,
            entry.ms,
            kind.mark,
            kind.class_,
            f"{name_of(part)}: {milliseconds(entry.ms)}, {count(part.macs)} MACs",
            note_of(part),
        )
        for part, entry, kind in zip(parts, entries, kinds, strict=True)
    ]

    def draw(width: float) -> Markup:
        legend, used = key_rows(legend_of(kinds), 2, 0, width)
        height = 0.45 * width + 130 + used
        narrow = width < 500
        x = axis("million MACs", [0.0, *(p.x for p in points)], 52, width - 16, 4 if narrow else 8)
        y = axis("latency, ms", [0.0, *(p.y for p in points)], height - 46, used + 42, 8)
        return picture(
            width, height, "Latency against MACs", legend, frame(x, y), dots(x, y, points)
        )

    agreement = spearman([point.x for point in points], [point.y for point in points])
    note = (
        f"{len(points)} entries on {table.head.identity.device}. If work decided, they would lie "
        f"on one line; their rank correlation with MACs is {agreement:.2f}."
    )
    return Chart("Latency against work", note, draw)


def slowest_chart(table: LatencyTable) -> Chart:
    """The dearest entries, as bars."""
    order = sorted(table.entries, key=lambda key: -table.entries[key].ms)[:MOST_BARS]
    parts = [parse_part(key) for key in order]
    every = [parse_part(key) for key in table.entries]
    colours = dict(zip(table.entries, kinds_of(every), strict=True))
    places = places_for([table.entries[key].ms for key in order])
    bars = [
        Bar(
            name_of(part),
            table.entries[key].ms,
            milliseconds(table.entries[key].ms, places),
            colours[key].class_,
            f"{key}: {milliseconds(table.entries[key].ms)}",
        )
        for key, part in zip(order, parts, strict=True)
    ]
    total = sum(entry.ms for entry in table.entries.values())
    share = sum(bar.value for bar in bars) / total
    note = (
        f"The {len(bars)} dearest of {len(table.entries)} entries; they hold {share:.0%} of the "
        "sum of all. Colours as in the chart of latency against work."
    )
    title = "The slowest entries"
    return Chart(title, note, lambda width: bar_chart(width, title, bars))
