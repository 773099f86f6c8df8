"""PocketFlow's command lines: in a shell script, or as a file of flags."""

import re

from compression.readers.pocketflow.reading import read
from compression.readers.reading import Reader, of_one, uncommented

SCRIPT = re.compile(r"(?:^|[\s/])(?:run_(?:local|docker|seven)\.sh|nets/\w+_run\.py)(?=\s|$)")
LEARNER = re.compile(r"(?:^|\s)--?learner(?=[\s=])")


def claims(text: str) -> bool:
    """Whether one of its scripts is called, or one of its learners asked for."""
    said = uncommented(text)
    return bool(SCRIPT.search(said) or LEARNER.search(said))


READER = Reader(claims=claims, read=of_one(read, "a command of PocketFlow's"))

__all__ = ["READER", "claims", "read"]
