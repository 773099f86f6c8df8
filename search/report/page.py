"""Put the sections together into one file that needs nothing else: no network, no script."""

from pathlib import Path

from proxyless_nas.drawing.page import document
from proxyless_nas.files import write_bytes
from search.report.architecture import architecture_section
from search.report.comparison import comparison_section
from search.report.headline import headline
from search.report.provenance import provenance_section
from search.report.sharpening import sharpening_section
from search.report.squeezing import squeezing_section
from search.report.story import Story
from search.report.table_check import check_section
from search.report.training import training_section


def write_report(story: Story, path: str | Path) -> None:
    """Write the story as one HTML page, atomically."""
    write_bytes(path, render(story).encode("utf-8", "replace"))


def render(story: Story) -> str:
    """The page as text."""
    return document(
        story.title,
        headline(story),
        comparison_section(story),
        squeezing_section(story),
        architecture_section(story),
        sharpening_section(story.course),
        check_section(story),
        training_section(story),
        provenance_section(story),
    )
