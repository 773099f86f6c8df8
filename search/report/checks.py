"""Refuse figures that no page could show."""

import math
from collections.abc import Iterable


def finite(what: str, values: Iterable[float]) -> None:
    for value in values:
        if not math.isfinite(value):
            raise ValueError(f"{what}: {value} is not a finite number")


def positive(what: str, values: Iterable[float]) -> None:
    for value in values:
        if not (math.isfinite(value) and value > 0):
            raise ValueError(f"{what}: {value} is not above zero")


def fractions(what: str, values: Iterable[float]) -> None:
    for value in values:
        if not -1e-6 <= value <= 1 + 1e-6:
            raise ValueError(f"{what}: {value} is not a fraction between 0 and 1")
