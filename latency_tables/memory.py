"""How much memory the feature maps of a network need at once."""

import math

from torch import fx, nn

from latency_tables.tracing import called_name, traced_with_shapes
from proxyless_nas.layer import Shape

IN_PLACE = (
    nn.BatchNorm2d,
    nn.ReLU,
    nn.ReLU6,
    nn.Hardswish,
    nn.Hardsigmoid,
    nn.Identity,
    nn.Dropout,
)


def peak_values(module: nn.Module, shape: Shape) -> int:
    """The most numbers that must be kept at the same time while one image [1, *shape] passes.

    A value is kept from its making until its last reader is done; an operation holds its inputs
    and its output. Batch norm, activations and reshapes work in place, as they do when they are
    fused. Weights and a convolution's workspace are not counted.
    """
    graph, modules = traced_with_shapes(module, shape)
    nodes = [node for node in graph.nodes if node.op not in ("output", "get_attr")]
    buffer = {node: _buffer(node, modules) for node in nodes}
    for node in nodes:  # nodes come in order, so the one before is settled
        buffer[node] = buffer.get(buffer[node], buffer[node])
    last: dict[fx.Node, int] = {}
    for index, node in enumerate(nodes):
        for used in (node, *node.all_input_nodes):
            if used in buffer:
                last[buffer[used]] = index
    last[buffer[nodes[-1]]] = len(nodes)
    peak, alive = 0, set[fx.Node]()
    for index, node in enumerate(nodes):
        alive.add(buffer[node])
        peak = max(peak, sum(_size(one) for one in alive))
        alive = {one for one in alive if last[one] > index}
    return peak


def _buffer(node: fx.Node, modules: dict[str, nn.Module]) -> fx.Node:
    """The node in whose memory a node's value lies."""
    part = modules[str(node.target)] if node.op == "call_module" else None
    if isinstance(part, IN_PLACE) or called_name(node) == "flatten":
        return node.all_input_nodes[0]
    return node


def _size(node: fx.Node) -> int:
    return math.prod(node.meta["tensor_meta"].shape)
