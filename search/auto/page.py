"""report.html: every network that was judged, and what was done to which layer."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from msgspec import Struct

from proxyless_nas.bits import Policy
from proxyless_nas.drawing.markup import Markup
from proxyless_nas.drawing.page import Chart, write_page
from proxyless_nas.drawing.scatter import Dot, dots, upright
from proxyless_nas.drawing.svg import Axis, axis, diamond, disc, frame, picture, polyline
from proxyless_nas.drawing.words import amount, count
from search.auto.goal import OF, Metric
from search.auto.report import Report
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
        note = "Groups of channels that leave together, by the first layer that makes them."
        kept = {name: whole - report.compressed.gone.get(name, 0) for name, whole in widths.items()}
        marks = {name: f"{count} of {widths[name]}" for name, count in kept.items()}
        shares = {name: count / widths[name] for name, count in kept.items()}
        charts.append(Chart("Channels", note, partial(_kept, "group", shares, marks)))
    if report.compressed.zeros:
        note = "Layers some of whose weights are zero."
        shares = {name: 1 - share for name, share in report.compressed.zeros.items()}
        marks = {name: f"{share:.0%}" for name, share in shares.items()}
        charts.append(
            Chart("Weights that are not zero", note, partial(_kept, "layer", shares, marks))
        )
    if policy is not None:
        note = "Bits of weights, layer by layer; 0 is float."
        charts.append(Chart("Bits", note, partial(bits_picture, policy)))
    write_page(path, f"{report.network}: {report.goal}", report.verdict(), charts)


def _scatter(report: Report, tried: Sequence[Tried], of: Metric, width: float) -> Markup:
    height = 0.4 * width + 134
    bound = next(one for one in report.bounds if one.of == of)
    before, after = report.costs[bound.of]
    shares = [one.costs[of] / before for one in tried]
    whole = amount(before, OF[of]) if of in OF else count(round(before))
    title = f"{of}, share of {whole}"
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


def _kept(what: str, shares: Mapping[str, float], marks: Mapping[str, str], width: float) -> Markup:
    height = 0.16 * width + 134
    x = Axis(what, 0.0, float(max(1, len(shares) - 1)), 48, width - 16, 5.0)
    y = Axis("share kept", 0.0, 1.0, height - 46, 52, 0.2)
    line = polyline(
        [(x(n), y(share)) for n, share in enumerate(shares.values())], "line first-line"
    )
    places = [
        disc(x(n), y(share), f"{name}: {marks[name]}", "first")
        for n, (name, share) in enumerate(shares.items())
    ]
    return picture(width, height, f"Kept of each {what}", frame(x, y), line, *places)
