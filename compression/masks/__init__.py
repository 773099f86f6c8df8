"""Element-wise sparsity: which elements of a tensor are zero, and who decides that."""

from compression.masks.mask import (
    Mask,
    bake,
    drop_refill,
    forget_masked,
    mask_for,
    mask_on,
    masks_of,
    plain_copy,
    refill_on_call,
    refresh,
)
from compression.masks.methods import (
    AnyMethod,
    Blocks,
    Level,
    MeanStd,
    Random,
    Sensitivity,
    Surgery,
    Threshold,
)

__all__ = [
    "AnyMethod",
    "Blocks",
    "Level",
    "Mask",
    "MeanStd",
    "Random",
    "Sensitivity",
    "Surgery",
    "Threshold",
    "bake",
    "drop_refill",
    "forget_masked",
    "mask_for",
    "mask_on",
    "masks_of",
    "plain_copy",
    "refill_on_call",
    "refresh",
]
