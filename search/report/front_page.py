"""The front of searched networks and those beside them: one page, one chart, one table."""

from functools import partial
from itertools import pairwise

from proxyless_nas.drawing.labels import along
from proxyless_nas.drawing.markup import Markup, tag
from proxyless_nas.drawing.page import document
from proxyless_nas.drawing.scatter import Dot, dots
from proxyless_nas.drawing.svg import Mark, both, diamond, disc, frame, legend, picture, polyline
from proxyless_nas.drawing.tables import table
from proxyless_nas.drawing.words import NO_FIGURE, count, percent, places_for
from search.report.front import Family, Front, FrontNetwork
from search.report.plane import NARROW, chance_note, hover, plane
from search.report.timed import front_of

TITLE = "Accuracy against measured latency"
MARKS: dict[Family, tuple[Mark, str]] = {
    "beside": (disc, "first"),
    "searched": (diamond, "searched"),
}
"""Mark and style class; the last are drawn on top."""
LINES = {"quiet-line": "the front of all", "first-line thin": "the front of those beside, joined"}
HEAD = ("network", "family", "accuracy", "measured, ms", "predicted, ms", "MACs", "on the front")
WORDS = 2  # columns of the table that are no figures
MOST_NAMED = 12  # networks, beyond which only those on a front are named in the chart


def render_front(front: Front) -> str:
    """The page as text."""
    top = tag("header", tag("h1", TITLE), tag("p", front.place, class_="quiet"))
    chart = tag("figure", _legend(front), both(partial(_chart, front), 860))
    compared = [tag("p", verdict) for verdict in front.verdicts]
    notes = [tag("p", note, class_="note") for note in front.notes]
    return document(
        TITLE,
        top,
        tag("section", tag("h2", f"{len(front.networks)} networks"), chart, _table(front)),
        tag("section", tag("h2", "At equal latency"), *compared, _reading(front)),
        tag("section", tag("h2", "Notes"), *notes) if notes else "",
    )


def front_rows(front: Front) -> list[list[str]]:
    """The cells under HEAD, the fastest network first; on the page and on a terminal."""
    networks = sorted(front.networks, key=lambda each: each.measured_ms)
    places, best = places_for([each.measured_ms for each in networks]), front.best
    return [
        [
            each.name,
            each.family,
            percent(each.test_accuracy, 2),
            f"{each.measured_ms:.{places}f}",
            NO_FIGURE if each.predicted_ms is None else f"{each.predicted_ms:.{places}f}",
            count(each.macs),
            "yes" if each in best else "no",
        ]
        for each in networks
    ]


def _chart(front: Front, width: float) -> Markup:
    at = plane(width, front.networks, "accuracy")
    x, y = at.x, at.y
    own = front_of(front.beside)
    joined = [(x(each.measured_ms), y(100 * each.test_accuracy)) for each in own]
    corners = [(x(each.measured_ms), y(100 * each.test_accuracy)) for each in front.best]
    steps = [corners[0]]
    for (_, low), (right, high) in pairwise(corners):
        steps += [(right, low), (right, high)]
    steps.append((x.end, corners[-1][1]))
    parts = [frame(x, y), polyline(steps, "line quiet-line")]
    if len(joined) > 1:
        parts.append(polyline(joined, "line first-line thin"))
    few = len(front.networks) <= MOST_NAMED and width > NARROW
    named = set(front.networks) if few else {*own, *front.best}
    upwards = sorted(front.networks, key=lambda each: list(MARKS).index(each.family))
    drawn = [
        _dot(each, _name(each, width) if each in named or each.family == "searched" else None)
        for each in upwards
    ]
    parts.append(dots(x, y, drawn, [*along(joined), *along(steps)]))
    return picture(width, at.height, TITLE, *parts)


def _dot(each: FrontNetwork, name: str | None) -> Dot:
    mark, class_ = MARKS[each.family]
    return Dot(each.measured_ms, 100 * each.test_accuracy, mark, class_, hover(each), name)


def _name(each: FrontNetwork, width: float) -> str:
    """On a phone without what colour and mark say already."""
    if width > NARROW:
        return each.name
    return each.name.removeprefix("searched ").removeprefix("hand-made-")


def _legend(front: Front) -> Markup:
    present = {each.family for each in front.networks}
    entries = [
        (mark(0, 0, family, class_), family)
        for family, (mark, class_) in reversed(MARKS.items())
        if family in present
    ]
    joined = len(front_of(front.beside)) > 1
    entries += [
        (tag("line", x1=-8, x2=8, y1=0, y2=0, class_=f"line {class_}"), meaning)
        for class_, meaning in LINES.items()
        if joined or class_ == "quiet-line"
    ]
    return legend(entries)


def _table(front: Front) -> Markup:
    rows, best = front_rows(front), {each.name for each in front.best}
    strong = [index for index, row in enumerate(rows) if row[0] in best]
    chance = chance_note(front.networks, front.images, front.scored_on)
    note = f"Accuracy on {front.images:,} {front.scored_on}, the fastest network first. {chance}"
    return Markup(tag("p", note, class_="quiet caption") + table(HEAD, rows, WORDS, strong))


def _reading(front: Front) -> Markup:
    if not front.beside:
        return Markup("")
    note = (
        "The others are the networks beside. Between two of their own front what they reach is "
        "taken from the straight line that joins the two; outside of it nothing is guessed. "
        f"± is one standard error for {front.images:,} images, as if each network had images of "
        "its own; the chance in training comes on top of it."
    )
    return tag("p", note, class_="quiet caption")
