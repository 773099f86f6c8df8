"""Element-wise sparsity: which elements of a tensor are zero, and who decides that."""

from compression.masks.mask import (
    Mask,
    bake,
    dense_of,
    forget,
    forget_masked,
    left_by_others,
    mask_on,
    masks_of,
    plain_copy,
    refresh,
)
from compression.masks.methods import (
    AnyMethod,
    Between,
    Blocks,
    Level,
    Random,
    Sensitivity,
    Surgery,
    Threshold,
)

__all__ = [
    "AnyMethod",
    "Between",
    "Blocks",
    "Level",
    "Mask",
    "Random",
    "Sensitivity",
    "Surgery",
    "Threshold",
    "bake",
    "dense_of",
    "forget",
    "forget_masked",
    "left_by_others",
    "mask_on",
    "masks_of",
    "plain_copy",
    "refresh",
]
