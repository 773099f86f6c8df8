"""A progress bar with the time left: live on a terminal, a line now and then in a log."""

import sys
from collections.abc import Iterable
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")


def progress_bar(
    steps: Iterable[T],
    what: str,
    total: int | None,
    start: int = 0,
    unit: str = "step",
    leave: bool = True,
    show: bool = True,
) -> "tqdm[T]":
    """Iterate over `steps` (or over nothing, and call `update`) under a bar that ends at `total`.

    `leave` keeps the finished bar on the screen; without `show` there is none. The unit "B"
    (bytes) is shown in thousands and millions.
    """
    live = sys.stderr.isatty()
    return tqdm(
        steps,
        desc=what,
        total=total,
        initial=start,
        unit=unit,
        unit_scale=unit == "B",
        leave=leave,
        disable=not show or not (live or leave),
        file=sys.stderr,
        mininterval=0.2 if live else 15.0,
        maxinterval=10.0 if live else 60.0,
        dynamic_ncols=live,
    )
