"""What the original calls the modules of a tree network."""

from collections.abc import Iterator

from proxyless_nas.blocks import Tree
from proxyless_nas.network import NetworkSpec

PARTS = (  # of a block: ours and the original's, in its order
    ("in_bottle", "in_bottle"),
    ("out_bottle", "out_bottle"),
    ("root", "cell.edges.0"),
    ("branches.0.fork", "cell.child_nodes.0.child_nodes.0"),
    ("branches.1.fork", "cell.child_nodes.0.child_nodes.1"),
    ("branches.0.bn", "cell.child_nodes.0.branch_bns.0"),
    ("branches.1.bn", "cell.child_nodes.0.branch_bns.1"),
    ("final_bn", "final_bn"),
)
INSIDE = {"forks": "child_nodes", "depthwise": "depth_conv", "pointwise": "point_conv"}


def tree_names(spec: NetworkSpec) -> dict[str, str] | None:
    """Those of the original's `PyramidTreeNet`: its stem and its pooling are blocks too."""
    if not all(isinstance(block, Tree) for block in spec.blocks):
        return None
    if spec.mix is not None or not spec.classifier.preactivated:
        return None
    names = {"stem.conv": "blocks.0.layers.0.conv", "stem.bn": "blocks.0.layers.1.bn"}
    for name, block, shape in spec.placed():
        if isinstance(block, Tree):
            theirs = f"blocks.{int(name.removeprefix('blocks.')) + 1}"
            inside = [layer.name for layer in block.layers("", shape)]
            names |= {f"{name}{ours}": f"{theirs}.{part}" for ours, part in _inside(inside)}
    last = f"blocks.{len(spec.blocks) + 1}.layers.0.bn"
    return {**names, "classifier.bn": last, "classifier.linear": "classifier.linear"}


def _inside(names: list[str]) -> Iterator[tuple[str, str]]:
    for ours, theirs in PARTS:
        for name in names:
            if name.startswith(f".{ours}"):
                rest = name.removeprefix(f".{ours}").split(".")
                yield name, theirs + ".".join(INSIDE.get(word, word) for word in rest)
