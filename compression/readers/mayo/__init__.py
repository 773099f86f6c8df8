"""Mayo's files: overriders over the layers of a network, trainers, and searches."""

import re

from compression.readers.mayo.reading import read
from compression.readers.reading import Reader

SIGNS = re.compile(
    r"^(_import|_overrider|model|train|system|search|retrain)(\.[\w.]+)?\s*:", re.MULTILINE
)


def claims(text: str) -> bool:
    """Whether there are sections as in its files."""
    return bool(SIGNS.search(text))


READER = Reader(claims=claims, read=read)

__all__ = ["READER", "claims", "read"]
