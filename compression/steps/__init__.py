"""Steps of a recipe: what is done to a network while it learns, one kind per file."""

from compression.steps.base import AtWork
from compression.steps.mask import MaskStep
from compression.steps.penalty import PenaltyStep

AnyStep = MaskStep | PenaltyStep

__all__ = ["AnyStep", "AtWork", "MaskStep", "PenaltyStep"]
