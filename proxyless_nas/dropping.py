"""Say which share of a network's paths and blocks is dropped while it trains."""

from torch import nn

from proxyless_nas.blocks.drop_path import DropPath
from proxyless_nas.blocks.tree_modules import Branch, Fork


def drop_paths(network: nn.Module, path: float = 0.0, cell: float = 0.0) -> None:
    """Set the drop rates of a network (or supernet), in place; they act in training mode only.

    `path` is the probability with which each of two paths that a tree adds up is dropped. `cell`
    is the mean over the blocks that have a shortcut: block l of L (from 1) loses everything but
    its shortcut with probability 2 l cell / (L + 1). Both rules are ProxylessNAS's for CIFAR-10;
    here each image has its own draw, and what is kept is scaled instead of what is tested.

    ValueError for a rate that is no probability, and where the network has nothing to drop.
    """
    for what, rate in (("path", path), ("cell", cell)):
        if not 0 <= rate < 1:
            raise ValueError(f"{what} drop rate {rate}: it must be at least 0 and less than 1")
    paths = [part.drop for part in network.modules() if isinstance(part, (Fork, Branch))]
    blocks = network.get_submodule("blocks").children()
    cells = [part for block in blocks for part in block.children() if isinstance(part, DropPath)]
    if path and not paths:
        raise ValueError("the network has no tree blocks: leave `path` at 0")
    if cell and not cells:
        raise ValueError("the network has no shortcuts: leave `cell` at 0")
    rates = [2 * place * cell / (len(cells) + 1) for place in range(1, len(cells) + 1)]
    if cell and rates[-1] >= 1:
        raise ValueError(
            f"cell drop rate {cell}: the last of {len(cells)} blocks would be dropped with "
            f"probability {rates[-1]:.3g}; give less than {cell / rates[-1]:.3g}"
        )
    for drop in paths:
        drop.p = path
    for drop, rate in zip(cells, rates, strict=True):
        drop.p = rate
