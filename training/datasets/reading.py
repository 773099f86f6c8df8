"""How images are read: their size, how they are cut, scaled and normalised, and by how many."""

import os
from typing import Literal

from msgspec import Struct

from training.datasets.normalisation import (
    Normalisation,
    NormalisationName,
    named_normalisation,
)

Interpolation = Literal["bilinear", "bicubic", "nearest"]
CENTRE = 0.875  # 224 of 256: what ImageNet networks are usually scored on
MOST_WORKERS = 16


class Reading(Struct, frozen=True, kw_only=True):
    """How images become inputs of a network; what is None is left to the dataset.

    Only image files are cut and scaled; images that come in one size stay as they are.
    ValueError for numbers that make no sense.
    """

    resolution: int | None = None
    """Side of the square input, in pixels."""
    normalise: NormalisationName | None = None
    """Which mean and deviation; the dataset's own by default."""
    interpolation: Interpolation | None = None
    """How image files are scaled; bilinear by default."""
    centre: float | None = None
    """Share of the shorter side that evaluation looks at, in (0, 1]; 0.875 by default."""
    workers: int | None = None
    """Processes that decode image files; one per core by default, 0 for none beside this one."""

    def __post_init__(self) -> None:
        if self.resolution is not None and self.resolution < 1:
            raise ValueError(f"resolution {self.resolution} is below 1")
        if self.centre is not None and not 0 < self.centre <= 1:
            raise ValueError(f"centre {self.centre} is not a share above 0 and up to 1")
        if self.workers is not None and self.workers < 0:
            raise ValueError(f"{self.workers} workers are less than none")

    def normalisation(self, own: Normalisation) -> Normalisation:
        """The one that was asked for, else the dataset's `own`; ValueError if it does not fit."""
        if self.normalise is None:
            return own
        return named_normalisation(self.normalise, len(own.mean))

    def must_keep(self, name: str, channels: int, side: int) -> None:
        """ValueError when images of one fixed size are asked for in another one."""
        if self.resolution not in (None, side):
            raise ValueError(
                f"{name} has images of {channels}x{side}x{side}, not of side {self.resolution}"
            )
        if self.interpolation is not None or self.centre is not None:
            raise ValueError(f"{name} has images of one size: no interpolation, no centre")

    def worker_count(self) -> int:
        """How many processes decode."""
        return min(MOST_WORKERS, cores()) if self.workers is None else self.workers


USUAL = Reading()
"""Everything is left to the dataset."""


def cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
