"""`python -m compression draw`: a network's layers, and which lose channels together."""

from typing import Annotated

from compression.analysis.graph.page import drawing_of, writer_of
from compression.analysis.subject import SubjectConfig
from proxyless_nas.command import short


class DrawConfig(SubjectConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Draw a network: its layers, what they cost, and which of them lose channels together."""

    out: Annotated[str, short("o")]
    """The file: a page (graph.html) or a picture (graph.svg)."""


def draw(config: DrawConfig) -> None:
    """Write the file and say what is in it."""
    subject, write = config.subject(), writer_of(config.out)
    drawing = drawing_of(subject.name, subject.build(seed=0), subject.input)
    write(drawing, config.out)
    print(f"{drawing.told}\n{config.out}")
