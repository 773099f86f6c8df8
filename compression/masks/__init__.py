"""Element-wise sparsity: which elements of a tensor are zero, and who decides that."""

from compression.masks.mask import (
    Mask,
    bake,
    forget_masked,
    mask_for,
    mask_on,
    masks_of,
    plain_copy,
    refresh,
)
from compression.masks.methods import (
    AnyMethod,
    Blocks,
    Level,
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
    "Random",
    "Sensitivity",
    "Surgery",
    "Threshold",
    "bake",
    "forget_masked",
    "mask_for",
    "mask_on",
    "masks_of",
    "plain_copy",
    "refresh",
]
