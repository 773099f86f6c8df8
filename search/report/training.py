"""Training curves: the losses while searching, and the accuracy of the final networks."""

from collections.abc import Sequence

from proxyless_nas.drawing.markup import Markup, tag
from search.report.course import Course
from search.report.lines import Series, line_chart
from search.report.sharpening import series, warm_up_span
from search.report.story import Story

WIDTH = 340  # px
LINES = 4  # more than four lines in one chart are hard to tell apart
CLASSES = ("first", "second", "third", "fourth")


def training_section(story: Story) -> Markup:
    """Empty where nothing was recorded: these charts are extras."""
    more = len(story.curves) - LINES
    left_out = f" {more} more are not drawn." if more > 0 else ""
    final = _figure(
        f"Training of the final networks.{left_out}",
        "epoch",
        "validation accuracy, %",
        _final(story),
        None,
    )
    return learning_section(story.course, [final] if final else [])


def learning_section(course: Course, others: Sequence[Markup] = ()) -> Markup:
    """Losses and accuracy while searching, and `others` beside them."""
    points = course.points if len(course.points) > 1 else ()
    span = warm_up_span(course.points)
    losses = [
        series("weights", "first", [(p.step, p.train_loss) for p in points]),
        series("gates", "second", [(p.step, p.gate_loss) for p in points]),
    ]
    accuracy = series(
        "shared weights",
        "first",
        [(p.step, None if p.valid_accuracy is None else 100 * p.valid_accuracy) for p in points],
    )
    figures = [
        _figure("Loss while searching.", "step", "loss", losses, span),
        _figure(
            "Validation accuracy while searching.",
            "step",
            "validation accuracy, %",
            [accuracy],
            span,
        ),
        *others,
    ]
    shown = [figure for figure in figures if figure]
    if not shown:
        return Markup("")
    return tag("section", tag("h2", "Training"), tag("div", *shown, class_="trio"))


def _final(story: Story) -> list[Series]:
    """The searched network and the first others, as many as can be told apart."""
    ranked = sorted(story.curves, key=lambda curve: curve.name != story.searched)[:LINES]
    return [
        series(
            curve.name,
            class_,
            [(x, 100 * y) for x, y in zip(curve.epochs, curve.valid_accuracy, strict=True)],
        )
        for curve, class_ in zip(ranked, CLASSES, strict=False)
    ]


def _figure(
    note: str,
    x_label: str,
    y_label: str,
    lines: list[Series],
    span: tuple[float, float] | None,
) -> Markup:
    if not any(line.points for line in lines):
        return Markup("")
    chart = line_chart(WIDTH, x_label, y_label, lines, shaded=span)
    return tag("figure", tag("figcaption", note), chart)
