"""Distiller's schedules: its YAML of pruners, regularizers, quantizers, schedulers and policies."""

import re
from collections.abc import Sequence

from compression.readers.distiller.reading import read
from compression.readers.reading import Reader, Reading, text_of
from proxyless_nas.subject import Subject

SIGNS = re.compile(r"^(policies|pruners|regularizers|lr_schedulers|quantizers)\s*:", re.MULTILINE)
CLASS = re.compile(r"\bclass\s*:")


def claims(text: str) -> bool:
    """Whether there are sections and classes as in its schedules."""
    return bool(SIGNS.search(text) and (CLASS.search(text) or "policies" in text))


def read_file(files: Sequence[str], subject: Subject, learnt: int) -> Reading:
    """As `read`, from one file. ValueError for several."""
    if len(files) != 1:
        raise ValueError(f"a schedule of Distiller's is one file, not {len(files)}")
    return read(text_of(files[0]), files[0], subject, learnt)


READER = Reader(claims=claims, read=read_file)

__all__ = ["READER", "claims", "read"]
