"""Tell a user what is odd in what was given, though it can be worked with."""

import sys
import warnings
from typing import Any


class Notice(UserWarning):
    """A sentence for the user."""


def notice(sentence: str) -> None:
    """Once per sentence; a command prints it as a line, a program may catch it as a warning."""
    warnings.warn(sentence, Notice, stacklevel=3)


def print_notices() -> None:
    """From now on in this process notices are lines on stderr; other warnings stay as they are."""
    others = warnings.showwarning

    def shown(message: Warning | str, category: type[Warning], *rest: Any) -> None:
        if issubclass(category, Notice):
            print(f"warning: {message}", file=sys.stderr)
        else:
            others(message, category, *rest)

    warnings.showwarning = shown
    warnings.simplefilter("always", Notice)
