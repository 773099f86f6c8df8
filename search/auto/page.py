"""report.html: every network that was judged, and what was done to which layer."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from msgspec import Struct

from proxyless_nas.bits import Policy
from proxyless_nas.drawing.bars import Bar, bar_chart
from proxyless_nas.drawing.markup import Markup, tag
from proxyless_nas.drawing.page import Chart, write_page
from proxyless_nas.drawing.scatter import Dot, dots, upright
from proxyless_nas.drawing.svg import axis, diamond, disc, frame, picture
from proxyless_nas.drawing.tables import table
from proxyless_nas.drawing.words import amount, count, duration, percent
from search.auto.goal import OF, Metric
from search.auto.report import Report, done
from search.precision.page import bits_picture

NARROW = 500.0  # px


class Tried(Struct, frozen=True, forbid_unknown_fields=True):
    """A network that was judged: costs by metric, and what images of the search say of it, as the
    divergence from the whole network's answers in nats, and as accuracy."""

    costs: dict[Metric, float]
    loss: float
    accuracy: float


def front_of(tried: Sequence[Tried]) -> list[Tried]:
    """Those that no other one beats in every cost and in loss, which tells more than accuracy."""

    def beats(one: Tried, other: Tried) -> bool:
        pairs = [(one.costs[of], other.costs[of]) for of in one.costs]
        pairs.append((one.loss, other.loss))
        return all(a <= b for a, b in pairs) and any(a < b for a, b in pairs)

    return [one for one in tried if not any(beats(other, one) for other in tried)]


def write_report_page(
    path: Path, report: Report, tried: Sequence[Tried], widths: Mapping[str, int],
    policy: Policy | None,
) -> None:  # fmt: skip
    """Write it; `widths` are those of the groups of channels in the whole network."""
    charts = [
        Chart(
            f"Accuracy against {bound.of}",
            "Discs are networks that were judged on images of the search, untuned, large where no "
            "other is cheaper and nearer to the whole network's answers. The diamond is what was "
            f"found, on {report.test_images:,} test images; dashed is the goal.",
            partial(_scatter, report, tried, bound.of),
        )
        for bound in report.bounds
    ]
    if report.compressed.gone:
        note = "How many stay of channels that leave together, by the first layer that makes them."
        kept = {name: whole - report.compressed.gone.get(name, 0) for name, whole in widths.items()}
        bars = [
            _bar(name, count / widths[name], f"{count} of {widths[name]}")
            for name, count in kept.items()
        ]
        charts.append(Chart("Channels", note, partial(_kept, "channels", bars)))
    if report.compressed.zeros:
        note = "The share that is left, in layers some of whose weights are zero."
        zeros = report.compressed.zeros.items()
        bars = [_bar(name, 1 - share, percent(1 - share, 0)) for name, share in zeros]
        charts.append(Chart("Weights that are not zero", note, partial(_kept, "weights", bars)))
    if policy is not None:
        note = "Bits of weights, layer by layer; 0 is float."
        charts.append(Chart("Bits", note, partial(bits_picture, policy)))
    title = f"{report.network}: {report.goal}"
    write_page(path, title, report.verdict(), charts, _summary(report))


def _summary(report: Report) -> list[Markup]:
    """What was asked, what came out, and where the time went."""
    scores = [(one.name, percent(one.searched, 2), percent(one.test, 2)) for one in report.stages]
    costs = [
        (bound.of, with_unit(bound.of, before), with_unit(bound.of, after), f"{after / before:.3f}",
         f"{bound.limit(before) / before:.3f}")
        for bound in report.bounds
        for before, after in [report.costs[bound.of]]
    ]  # fmt: skip
    spent = [(what, duration(seconds)) for what, seconds in report.seconds.items()]
    tables = {
        "Accuracy": table(("network", "search images", "test images"), scores),
        "Costs": table(("cost", "whole", "found", "share", "asked"), costs),
        "Time": table(("part", "took"), spent),
    }
    words = tag("p", "; ".join(done(report.compressed, short=True)), class_="note")
    return [words, *(tag("section", tag("h2", name), one) for name, one in tables.items())]


def with_unit(of: Metric, value: float) -> str:
    """A cost with its unit."""
    return amount(value, OF[of]) if of in OF else count(round(value))


def _scatter(report: Report, tried: Sequence[Tried], of: Metric, width: float) -> Markup:
    height = 0.4 * width + 134
    bound = next(one for one in report.bounds if one.of == of)
    before, after = report.costs[bound.of]
    shares = [one.costs[of] / before for one in tried]
    title = f"{of}, share of {with_unit(of, before)}"
    x = axis(title, [0.0, 1.0, *shares], 48, width - 16, 4 + 4 * (width > NARROW))
    scores = [100 * one.test for one in (report.stages[0], report.stages[-1])]
    values = [*scores, *(100 * one.accuracy for one in tried)]
    y = axis("accuracy, %", values, height - 46, 52, limit=100)
    best = front_of(tried)
    points = [
        Dot(share, 100 * one.accuracy, disc, "first" if one in best else "first small",
            f"{one.accuracy:.2%} at {share:.3f}")
        for share, one in zip(shares, tried, strict=True)
    ]  # fmt: skip
    points.append(Dot(after / before, scores[-1], diamond, "searched",
                      f"{scores[-1]:.2f} % at {after / before:.3f}", "found"))  # fmt: skip
    aim = bound.limit(before) / before
    line, taken = upright(x, y, aim, 0.0, f"goal {aim:.3g}")
    return picture(
        width, height, f"Accuracy against {of}", frame(x, y), line, dots(x, y, points, [taken])
    )


def _bar(name: str, share: float, figure: str) -> Bar:
    return Bar(name, share, figure, "first", f"{name}: {figure}, {percent(share, 0)}")


def _kept(what: str, bars: Sequence[Bar], width: float) -> Markup:
    """What stays of the whole, which is as long as there is room."""
    return bar_chart(width, f"{what} that stay", bars, least=1.0)
