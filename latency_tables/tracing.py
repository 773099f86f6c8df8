"""Trace a module down to its leaves, with the shape of every value, without computing any."""

import torch
from torch import fx, nn
from torch.fx.passes.shape_prop import ShapeProp

from latency_tables.graph import LeafTracer
from proxyless_nas.layer import Shape


def traced_with_shapes(module: nn.Module, shape: Shape) -> tuple[fx.Graph, dict[str, nn.Module]]:
    """The graph of a module that takes [1, *shape], and its modules by name.

    `node.meta["tensor_meta"].shape` of each node is known. The module loses its numbers: it is
    moved to torch's meta device.
    """
    module = module.to("meta").eval()
    traced = fx.GraphModule(module, LeafTracer().trace(module))
    sides = (shape.channels, shape.height, shape.width)
    ShapeProp(traced).propagate(torch.empty(1, *sides, device="meta"))
    return traced.graph, dict(module.named_modules())


def called_name(node: fx.Node) -> str:
    """The name of the function or method that a node calls."""
    return str(getattr(node.target, "__name__", node.target))
