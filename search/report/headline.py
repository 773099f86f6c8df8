"""The top of the page: what was asked, what came out, and the figures that say it."""

from proxyless_nas.drawing.markup import Markup, join, tag
from proxyless_nas.drawing.words import big, count, milliseconds, percent, signed_percent, times
from search.report.story import Story, TrainedNetwork
from search.report.verdict import comparison, speed_verdict, standard_error, target_verdict


def headline(story: Story) -> Markup:
    """Title, question, answer."""
    place = " · ".join(filter(None, (story.date, story.device, story.runtime)))
    top = tag("header", tag("h1", story.title), tag("p", place, class_="quiet"))
    ours = story.result
    if ours is None:
        answer = tag(
            "p", f"The searched network {story.searched!r} is not among the trained ones yet."
        )
        return join((top, tag("section", _asked(story), answer, class_="headline")))
    return join((top, tag("section", _asked(story), _answer(story, ours), class_="headline")))


def _asked(story: Story) -> Markup:
    return tag(
        "p",
        tag("strong", "Asked: "),
        f"the most accurate network for {story.dataset} that runs in ",
        tag("strong", milliseconds(story.target_ms)),
        f" on {story.device} ({story.runtime}), out of the {big(story.space_size)} networks "
        f"of the space “{story.space}”.",
        class_="lede",
    )


def _answer(story: Story, ours: TrainedNetwork) -> Markup:
    came_out = tag(
        "p",
        tag("strong", "Came out: "),
        f"{ours.name}, {percent(ours.test_accuracy, 2)} test accuracy at "
        f"{milliseconds(ours.measured_ms)} measured; {target_verdict(story, ours)}. ",
        speed_verdict(story),
        class_="lede",
    )
    error = standard_error(ours.test_accuracy, story.test_images)
    chance = (
        ""
        if error is None
        else (f"± {100 * error:.2f} points standard error on {story.test_images:,} test images")
    )
    off = ours.measured_ms / story.target_ms - 1
    inside = abs(off) <= story.tolerance
    cards = [
        _card("test accuracy", percent(ours.test_accuracy, 2), chance),
        _card(
            "measured latency",
            milliseconds(ours.measured_ms),
            f"p50 {milliseconds(ours.measured_p50_ms)}, p90 {milliseconds(ours.measured_p90_ms)}",
        ),
        _card(
            f"against the target of {milliseconds(story.target_ms)}",
            signed_percent(off),
            f"{'within' if inside else 'outside'} ± {percent(story.tolerance)}",
        ),
        _versus(story),
        _card("size", f"{count(ours.parameters)}", f"parameters; {count(ours.macs)} MACs"),
    ]
    return join((came_out, tag("div", *cards, class_="cards")))


def _versus(story: Story) -> Markup:
    found = comparison(story)
    if found is None:
        return Markup("")
    note = "and is at least as accurate" if found.reaches else "and is less accurate"
    return _card(f"{found.rival.name} takes", times(found.ratio), f"as long, {note}")


def _card(name: str, figure: str, note: str) -> Markup:
    return tag(
        "div",
        tag("div", name, class_="quiet"),
        tag("div", figure, class_="figure"),
        tag("div", note, class_="quiet"),
        class_="card",
    )
