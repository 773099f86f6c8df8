"""What the forward and the backward pass see instead of a tensor: small parts that make a chain."""

from compression.overriders.base import Of, Overrider, OverriderKind
from compression.overriders.binary import ThresholdBinary
from compression.overriders.chain import Chain
from compression.overriders.fixed import Fixed
from compression.overriders.floating import Float, Shift
from compression.overriders.grids import AnyGrid
from compression.overriders.incremental import Incremental
from compression.overriders.kinds import AnyOverrider, must_chain
from compression.overriders.log import Log
from compression.overriders.mixed import Mixed
from compression.overriders.recentre import Recentre
from compression.overriders.ternary import Ternary

__all__ = [
    "AnyGrid",
    "AnyOverrider",
    "Chain",
    "Fixed",
    "Float",
    "Incremental",
    "Log",
    "Mixed",
    "Of",
    "Overrider",
    "OverriderKind",
    "Recentre",
    "Shift",
    "Ternary",
    "ThresholdBinary",
    "must_chain",
]
