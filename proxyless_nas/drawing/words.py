"""Write numbers the way a reader wants them: units, few digits, thin lists."""

import math
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")
SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
NBSP = "\N{NO-BREAK SPACE}"  # between a number and its unit
NO_FIGURE = "\N{EN DASH}"
TIMES = "\N{MULTIPLICATION SIGN}"


def percent(fraction: float, places: int = 1) -> str:
    return f"{100 * fraction:.{places}f}{NBSP}%"


def signed_percent(fraction: float, places: int = 1) -> str:
    text = f"{100 * fraction:+.{places}f}{NBSP}%"
    return text.replace("-", "\N{MINUS SIGN}")


def places_for(values: Sequence[float], digits: int = 3) -> int:
    """Decimals that give the smallest of the values `digits` digits; 0 to 4."""
    smallest = min((abs(value) for value in values if value), default=1.0)
    return min(4, max(0, digits - 1 - math.floor(math.log10(smallest))))


def milliseconds(value: float, places: int | None = None) -> str:
    return f"{value:.{places_for([value]) if places is None else places}f}{NBSP}ms"


def amount(value: float, unit: str) -> str:
    """A cost in its unit: 1.23 ms, 45.6 M MACs, 0.700."""
    if unit in ("ms", "mJ", ""):
        return f"{value:.{places_for([value])}f}{NBSP}{unit}".removesuffix(NBSP)
    return f"{count(round(value))}{NBSP}{unit}"


def count(value: int) -> str:
    """1.23 M, 45.6 k, 789."""
    for size, unit in ((1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")):
        if value >= size:
            return f"{value / size:.{places_for([value / size])}f}{NBSP}{unit}"
    return str(value)


def big(value: int) -> str:
    """Grouped digits, and powers of ten where nobody would count the groups."""
    if value < 10**9:
        return f"{value:,}"
    power = len(str(value)) - 1
    return f"{value / 10**power:.1f} {TIMES} 10{str(power).translate(SUPERSCRIPTS)}"


def duration(seconds: float) -> str:
    """2 h 05 min, 3 min 20 s, 4.2 s."""
    if seconds < 60:
        return f"{seconds:.1f}{NBSP}s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}{NBSP}min {rest:02d}{NBSP}s"
    return f"{minutes // 60}{NBSP}h {minutes % 60:02d}{NBSP}min"


def times(ratio: float) -> str:
    return f"{ratio:.2f}{NBSP}{TIMES}" if ratio < 10 else f"{ratio:.0f}{NBSP}{TIMES}"


def thin(items: Sequence[T], most: int) -> tuple[T, ...]:
    """At most `most` of the items, evenly spread, first and last among them."""
    if len(items) <= most:
        return tuple(items)
    last = len(items) - 1
    return tuple(items[round(index * last / (most - 1))] for index in range(most))
