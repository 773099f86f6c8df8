"""Can the latency table be trusted? Predicted against measured, and the errors beside it."""

from functools import partial

from proxyless_nas.drawing.labels import text_width
from proxyless_nas.drawing.markup import Markup, tag
from proxyless_nas.drawing.scatter import Dot, dots
from proxyless_nas.drawing.svg import (
    axis,
    both,
    disc,
    frame,
    legend,
    picture,
    polyline,
    ring,
    words,
)
from proxyless_nas.drawing.words import NO_FIGURE, milliseconds, percent, signed_percent
from search.report.story import Prediction, Story, TableCheck


def check_section(story: Story) -> Markup:
    title = tag("h2", "Predicted against measured latency")
    check = story.check
    if not check.predictions:
        note = "No predictions were compared with measurements."
        return tag("section", title, tag("p", note, class_="note"))
    key = legend(
        [
            (disc(0, 0, "calibrated", "first"), "calibrated"),
            (ring(0, 0, "raw", "second"), "raw sum of the table"),
            (polyline([(-8, 8), (8, -8)], "diagonal"), "predicted = measured"),
        ]
    )
    chart = tag("figure", key, both(partial(_chart, check), 500))
    errors = tag(
        "figure",
        tag(
            "figcaption",
            f"Mean absolute error of the latency; networks compared: {len(check.predictions)}",
        ),
        both(partial(_errors, check), 500),
        tag("p", _ranks(check), class_="quiet"),
    )
    return tag("section", title, tag("div", chart, errors, class_="pair"))


def _chart(check: TableCheck, width: float) -> Markup:
    height = 0.9 * width
    each = check.predictions
    values = [v for p in each for v in (p.predicted_raw_ms, p.predicted_ms, p.measured_ms)]
    x = axis("measured latency, ms", values, 52, width - 16)
    y = axis("predicted latency, ms", values, height - 46, 42)
    corners = [(x(x.low), y(x.low)), (x(x.high), y(x.high))]
    points = [
        *(Dot(p.measured_ms, p.predicted_raw_ms, ring, "second", _title(p)) for p in each),
        *(Dot(p.measured_ms, p.predicted_ms, disc, "first", _title(p)) for p in each),
    ]
    parts = [frame(x, y), polyline(corners, "diagonal"), dots(x, y, points)]
    return picture(width, height, "Predicted against measured latency", *parts)


def _title(one: Prediction) -> str:
    off = one.predicted_ms / one.measured_ms - 1
    return (
        f"{one.name}: measured {milliseconds(one.measured_ms)}, calibrated "
        f"{milliseconds(one.predicted_ms)} ({signed_percent(off)}), raw "
        f"{milliseconds(one.predicted_raw_ms)}"
    )


def _errors(check: TableCheck, width: float) -> Markup:
    rows = (
        ("calibrated table", check.mape, "first"),
        ("raw table", check.mape_raw, "second"),
        ("MACs only", check.macs_mape, "quiet"),
        ("measured twice (floor)", check.noise_floor, "quiet"),
    )
    start = max(text_width(name, 12) for name, _, _ in rows) + 6
    most = max((value for _, value, _ in rows if value), default=1.0)
    parts: list[str] = []
    for index, (name, value, class_) in enumerate(rows):
        middle = 18 + 32 * index
        parts.append(words(start - 10, middle + 4, name, "end", "shape"))
        length = 0.0
        if value is not None:
            length = max(1.0, (width - start - 58) * value / most)
            title = tag("title", f"{name}: {percent(value, 2)}")
            bar = {"x": start, "y": middle - 9, "width": length, "height": 18, "rx": 2}
            parts.append(tag("rect", title, class_=f"error {class_}", **bar))
        text = NO_FIGURE if value is None else percent(value)
        parts.append(words(start + length + 6, middle + 4, text, class_="label"))
    parts.append(tag("line", x1=start, x2=start, y1=2, y2=32 * len(rows), class_="axis"))
    return picture(width, 32 * len(rows) + 6, "Mean absolute error of predicted latency", *parts)


def _ranks(check: TableCheck) -> str:
    if check.spearman is None:
        return "The rank correlation was not determined."
    return (
        f"Spearman's rank correlation of predicted and measured is {check.spearman:.3f}: "
        "1 means that the table puts all networks in the measured order."
    )
