"""Steps of a recipe: what is done to a network while it learns, one kind per file."""

from compression.steps.base import AtWork
from compression.steps.channels import ChannelsStep
from compression.steps.exits import ExitsStep
from compression.steps.fold import FoldStep
from compression.steps.gate import GateStep
from compression.steps.low_rank import LowRankStep
from compression.steps.mask import MaskStep
from compression.steps.narrow import NarrowStep
from compression.steps.override import OverrideStep
from compression.steps.penalty import PenaltyStep
from compression.steps.quantize import QuantizeStep
from compression.steps.remove import RemoveStep
from compression.steps.round import RoundStep
from compression.steps.sparse_groups import SparseGroupsStep
from compression.steps.structures import StructuresStep
from compression.steps.teach import TeachStep

AnyStep = (
    ChannelsStep
    | ExitsStep
    | FoldStep
    | GateStep
    | LowRankStep
    | MaskStep
    | NarrowStep
    | OverrideStep
    | PenaltyStep
    | QuantizeStep
    | RemoveStep
    | RoundStep
    | SparseGroupsStep
    | StructuresStep
    | TeachStep
)

__all__ = [
    "AnyStep",
    "AtWork",
    "ChannelsStep",
    "ExitsStep",
    "FoldStep",
    "GateStep",
    "LowRankStep",
    "MaskStep",
    "NarrowStep",
    "OverrideStep",
    "PenaltyStep",
    "QuantizeStep",
    "RemoveStep",
    "RoundStep",
    "SparseGroupsStep",
    "StructuresStep",
    "TeachStep",
]
