"""What is asked of a compressed network: what it may cost, and what accuracy it may lose."""

import re
from typing import Literal, get_args

from msgspec import Struct

from proxyless_nas.files import did_you_mean

Metric = Literal["macs", "bops", "parameters", "nonzeros", "bytes", "latency", "energy"]
DROP = "accuracy_drop"
COUNTS = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9}
UNITS: dict[Metric, dict[str, float]] = {
    "macs": COUNTS,
    "bops": COUNTS,
    "parameters": COUNTS,
    "nonzeros": COUNTS,
    "bytes": {"": 1.0, "B": 1.0, "kB": 1e3, "MB": 1e6},
    "latency": {"ms": 1.0, "us": 1e-3, "s": 1e3},
    "energy": {"mJ": 1.0, "uJ": 1e-3, "J": 1e3},
}
COUNTED: tuple[Metric, ...] = ("macs", "bops", "parameters", "nonzeros", "bytes")
OF: dict[Metric, str] = {"bytes": "B", "latency": "ms", "energy": "mJ"}
"""What a cost is counted in, for people."""
VALUE = re.compile(r"(\d+\.?\d*(?:e[-+]?\d+)?|\.\d+)([a-zA-Z]*)")
SHARE = "x"
EXAMPLE = 'such as "latency=0.5x accuracy_drop=0.5"'


class Bound(Struct, frozen=True):
    """The most of one kind: a `share` of what the whole network costs, or `most` of its unit."""

    of: Metric
    share: float | None = None
    most: float | None = None

    def limit(self, whole: float) -> float:
        """In the unit of the cost, where the whole network costs `whole`."""
        return whole * self.share if self.share is not None else float(self.most or 0.0)


class Goal(Struct, frozen=True):
    """Every bound is met; at most `drop` points of top-1 accuracy should be lost for it."""

    bounds: tuple[Bound, ...]
    drop: float

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """What is bounded."""
        return tuple(one.of for one in self.bounds)


def read_goal(text: str) -> Goal:
    """`latency=0.5x bytes=100kB accuracy_drop=0.5`: words, each a key and a value.

    A value is a share of the whole network's (`0.5x`), or a number with a unit; `accuracy_drop` is
    in points, 0.5 if it is left out. ValueError names the word that is not understood.
    """
    bounds: dict[Metric, Bound] = {}
    drop = 0.5
    for word in text.replace(",", " ").split():
        key, equals, value = word.partition("=")
        match = VALUE.fullmatch(value)
        if not equals or match is None:
            raise ValueError(f"a goal is words like latency=0.5x, not {word!r}: {EXAMPLE}")
        number, unit = float(match[1]), match[2]
        if key == DROP:
            if unit:
                raise ValueError(f"{word}: points of accuracy have no unit {unit!r}")
            drop = number
            continue
        metric = next((one for one in get_args(Metric) if one == key), None)
        if metric is None:
            known = [*get_args(Metric), DROP]
            raise ValueError(f"no goal {key!r}{did_you_mean(key, known)}: {', '.join(known)}")
        if metric in bounds:
            raise ValueError(f"{metric} is bounded twice")
        bounds[metric] = _bound(metric, word, number, unit)
    if not bounds:
        raise ValueError(f"a goal says what the network may cost, {EXAMPLE}")
    return Goal(tuple(bounds.values()), drop)


def _bound(metric: Metric, word: str, number: float, unit: str) -> Bound:
    if unit == SHARE:
        if not 0 < number <= 1:
            raise ValueError(
                f"{word}: a share lies above 0 and up to 1; half of it is {metric}=0.5x"
            )
        return Bound(metric, share=number)
    units = UNITS[metric]
    if unit not in units:
        known = ", ".join(f"1{one}" for one in units)
        raise ValueError(f"{word}: {metric} is a share like 0.5x, or a number like {known}")
    most = number * units[unit]
    if most <= 0 or (most < 1 and metric in COUNTED):
        hint = f"; a share of what it costs now is {metric}={number:g}x" if 0 < number <= 1 else ""
        raise ValueError(f"{word}: nothing costs so little{hint}")
    return Bound(metric, most=most)
