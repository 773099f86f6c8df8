"""The chart of a network with exits: accuracy against expected work."""

from compression.exits.curve import Curve
from proxyless_nas.drawing.markup import Markup
from proxyless_nas.drawing.page import Chart
from proxyless_nas.drawing.scatter import Dot, dots
from proxyless_nas.drawing.svg import axis, disc, frame, picture, polyline

POINTS = 200


def curve_chart(curve: Curve, title: str, marked: list[tuple[float, float, str]]) -> Chart:
    """All thresholds as a line from no exits to all images at the first.

    `marked` are points of their own: MACs, accuracy (0 to 1), and what to write beside them.
    """
    alone = curve.macs[0]
    line = [
        (curve.macs[place] / alone, 100 * curve.accuracy[place]) for place in curve.evenly(POINTS)
    ]
    points = [
        Dot(macs / alone, 100 * top1, disc, "first", f"{macs:,.0f} MACs, {top1:.2%}", label)
        for macs, top1, label in marked
    ]

    def draw(width: float) -> Markup:
        height = 0.45 * width + 130
        x = axis(
            "expected MACs, as a share of the network without exits",
            [0.0, *(x for x, _ in line), *(point.x for point in points)],
            52,
            width - 16,
            4 if width < 500 else 8,
        )
        tops = [*(y for _, y in line), *(point.y for point in points)]
        y = axis("top-1 accuracy, %", tops, height - 46, 42, 8, limit=100.0)
        drawn = polyline([(x(a), y(b)) for a, b in line], "line first-line")
        return picture(width, height, title, frame(x, y), drawn, dots(x, y, points))

    note = "One threshold at all exits, from one that no image reaches to one that all do."
    return Chart(title, note, draw)
