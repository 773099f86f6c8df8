"""What blocks are called before people: on the terminal, in TensorBoard, in charts and reports."""

from collections.abc import Sequence

from proxyless_nas.blocks import (
    AnyBlock,
    Classifier,
    Conv,
    MBConv,
    Residual,
    Separable,
    Skip,
    Tree,
)
from proxyless_nas.layer import Shape


def label_of(block: AnyBlock, shape: Shape) -> str:
    """`MBConv e6 k3`: kind, expansion of the input's channels, kernel."""
    match block:
        case MBConv():
            return f"MBConv e{expansion_of(block, shape):g} k{block.kernel}"
        case Conv():
            return f"Conv k{block.kernel}"
        case Separable():
            return f"separable k{block.kernel}"
        case Residual():
            return f"residual k{block.kernel}"
        case Tree():
            return f"tree {' '.join(block.edges)}"
        case Skip():
            return "skip"
        case Classifier():
            return "pool, linear"


def expansion_of(block: MBConv, shape: Shape) -> float:
    """Depthwise channels per input channel, to one decimal."""
    return 1.0 if block.mid is None else round(block.mid / shape.channels, 1)


def listed(names: Sequence[str], most: int = 4) -> str:
    """The names with commas; where there are more than `most`, how many more."""
    if len(names) <= most + 1:
        return ", ".join(names)
    return f"{', '.join(names[:most])} and {len(names) - most} more"
