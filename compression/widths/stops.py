"""Stops: the widths to which groups may be narrowed."""

from collections.abc import Mapping

Stops = Mapping[str, tuple[int, ...]]
"""By group: numbers of channels that may go, rising, 0 left out."""


def stops_of(widths: Mapping[str, int], multiple: int = 1, most: int | None = None) -> Stops:
    """What may go from groups of these widths so that multiples of `multiple` stay, and one at
    least; where there are more than `most` such widths, as many as that, evenly spread."""
    return {name: _stops(width, multiple, most) for name, width in widths.items()}


def _stops(width: int, multiple: int, most: int | None) -> tuple[int, ...]:
    first = width % multiple or multiple
    every = [gone for gone in range(first, width, multiple) if width - gone >= multiple]
    if most is None or len(every) <= most:
        return tuple(every)
    return tuple(every[(len(every) * (step + 1)) // most - 1] for step in range(most))
