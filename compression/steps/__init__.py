"""Steps of a recipe: what is done to a network while it learns, one kind per file."""

from compression.steps.base import AtWork
from compression.steps.channels import ChannelsStep
from compression.steps.low_rank import LowRankStep
from compression.steps.mask import MaskStep
from compression.steps.penalty import PenaltyStep
from compression.steps.teach import TeachStep

AnyStep = ChannelsStep | LowRankStep | MaskStep | PenaltyStep | TeachStep

__all__ = [
    "AnyStep",
    "AtWork",
    "ChannelsStep",
    "LowRankStep",
    "MaskStep",
    "PenaltyStep",
    "TeachStep",
]
