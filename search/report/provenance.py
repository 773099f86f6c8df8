"""How the run was made: the command, the code, the device, the seeds, the time."""

from proxyless_nas.drawing.markup import Markup, tag
from proxyless_nas.drawing.tables import pairs, table
from proxyless_nas.drawing.words import big, duration, percent
from search.report.story import Story


def provenance_section(story: Story) -> Markup:
    facts = [
        ("commit", story.commit),
        ("date", story.date),
        ("device", story.device),
        ("runtime", story.runtime),
        *story.fingerprint.items(),
        ("dataset", story.dataset),
        ("space", f"{story.space}, {big(story.space_size)} networks"),
        ("seed of the search", str(story.seed)),
    ]
    known = [(name, what) for name, what in facts if what]
    command = tag("pre", story.command or "The command line was not recorded.")
    return tag(
        "section",
        tag("h2", "How this was made"),
        command,
        tag("div", pairs(known), _stages(story), class_="pair"),
    )


def _stages(story: Story) -> Markup:
    if not story.seconds:
        return tag("p", "No stage was timed.", class_="note")
    total = sum(story.seconds.values())
    rows = [
        [name, duration(seconds), percent(seconds / total if total else 0.0)]
        for name, seconds in story.seconds.items()
    ]
    rows.append(["all stages", duration(total), ""])
    return table(["stage", "time", "share"], rows, strong=[len(rows) - 1])
