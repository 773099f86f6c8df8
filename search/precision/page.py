"""A page of what a search for bits has found: accuracy against cost, and the bits of each layer."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from proxyless_nas.bits import MOST_BITS, Policy
from proxyless_nas.drawing.markup import Markup, tag
from proxyless_nas.drawing.page import Chart, write_page
from proxyless_nas.drawing.scatter import Dot, dots
from proxyless_nas.drawing.svg import Axis, axis, diamond, disc, frame, picture, polyline, words
from search.precision.found import FoundBits

NARROW = 500.0  # px
SIDES = (("weights", "first-line", "first"), ("activations", "second-line", "second"))


def write_bits_page(
    path: Path, network: str, front: Sequence[FoundBits], policies: Sequence[Policy]
) -> None:
    """Write it; `policies` are those of the front, in its order."""
    first = front[0]
    introduction = (
        f"{network}, by {first.strategy}: {len(front)} budget{'s' if len(front) > 1 else ''}. "
        f"With the most bits everywhere it costs {first.most_bits:,.6g} {first.unit}; in float "
        f"{first.float_test.top1:.2%} of the test images are right."
    )
    charts = [
        Chart(
            "Accuracy against cost",
            f"On {first.test.images:,} test images, which chose nothing; rounded, not trained. The "
            "dashed line is the network in float.",
            partial(_front, front),
        )
    ]
    for one, policy in zip(front, policies, strict=True):
        title = f"Bits at {one.cost:,.5g} {one.unit}, {one.cost / one.most_bits:.1%} of the most"
        note = (
            f"Budget {one.budget:,.5g} {one.unit}; {one.test.top1:.2%} of the test images. Layers "
            "in the order in which an image passes them; 0 is float."
        )
        charts.append(Chart(title, note, partial(bits_picture, policy)))
    write_page(path, f"Bits of {network}", introduction, charts)


def _front(front: Sequence[FoundBits], width: float) -> Markup:
    height = 0.4 * width + 134
    unit, whole = front[0].unit, 100 * front[0].float_test.top1
    x = axis(f"cost, {unit}", [one.cost for one in front], 48, width - 16, 4 + 4 * (width > NARROW))
    scores = [whole, *(100 * one.test.top1 for one in front)]
    y = axis("test accuracy, %", scores, height - 46, 52, limit=100)
    points = [
        Dot(
            one.cost,
            100 * one.test.top1,
            diamond,
            "searched",
            f"{one.test.top1:.2%} at {one.cost:,.5g} {unit}",
            f"{one.cost / one.most_bits:.0%}",
        )
        for one in front
    ]
    line = polyline([(x.start, y(whole)), (x.end, y(whole))], "line quiet-line", "in float")
    return picture(width, height, "Accuracy against cost", frame(x, y), line, dots(x, y, points))


def bits_picture(policy: Policy, width: float) -> Markup:
    """Bits of weights and of activations, layer by layer."""
    height = 0.16 * width + 134
    x = Axis("layer", 0.0, float(max(1, len(policy.layers) - 1)), 48, width - 16, _step(policy))
    y = Axis("bits", 0.0, float(MOST_BITS), height - 46, 52, 2.0)
    parts = [frame(x, y)]
    for number, (side, line, class_) in enumerate(SIDES):
        bits = {
            name: 0 if getattr(one, side) > MOST_BITS else getattr(one, side)
            for name, one in policy.layers.items()
        }
        parts.append(polyline([(x(i), y(b)) for i, b in enumerate(bits.values())], f"line {line}"))
        parts += [
            disc(x(i), y(b), f"{name}: {b or 'float'} for {side}", f"{class_} small")
            for i, (name, b) in enumerate(bits.items())
        ]
        at = width - 16 - 96 * (1 - number)
        parts.append(tag("line", x1=at - 104, x2=at - 84, y1=26, y2=26, class_=f"line {line}"))
        parts.append(words(at - 80, 30, side, "start", "name"))
    return picture(width, height, f"Bits of {policy.network}", *parts)


def _step(policy: Policy) -> float:
    return float(max(1, round(len(policy.layers) / 10 / 5) * 5 or 1))
