"""Distiller's schedules: its YAML of pruners, regularizers, quantizers, schedulers and policies."""

import re

from compression.readers.distiller.reading import read
from compression.readers.reading import Reader, of_one

SIGNS = re.compile(r"^(policies|pruners|regularizers|lr_schedulers|quantizers)\s*:", re.MULTILINE)
CLASS = re.compile(r"\bclass\s*:")


def claims(text: str) -> bool:
    """Whether there are sections and classes as in its schedules."""
    return bool(SIGNS.search(text) and (CLASS.search(text) or "policies" in text))


READER = Reader(claims=claims, read=of_one(read, "a schedule of Distiller's"))

__all__ = ["READER", "claims", "read"]
