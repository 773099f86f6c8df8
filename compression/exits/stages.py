"""Cut a network into stages that run one after another, each from one exit to the next."""

from collections.abc import Sequence

from torch import fx, nn

from compression.channels.walk import trace


def stages_of(network: nn.Module, behind: Sequence[str]) -> list[fx.GraphModule]:
    """One stage more than names; each ends with what the part of its name gives.

    Stage i takes the values that cross the cut before it (the first: the images) and returns
    (feature map, *values that cross the next cut); the last returns the network's answer. The
    parts of the network stand in them under their own names; they are not copied.
    ValueError where the code around the named parts cannot be traced.
    """
    nodes = list(trace(network, _Around(behind)).graph.nodes)
    ends = [_place_of(name, nodes) for name in behind]
    borders = [0, *(end + 1 for end in ends), len(nodes)]
    taken = [node for node in nodes if node.op == "placeholder"]
    stages = []
    for number, end in enumerate(ends):
        left = _crossing(nodes, end)
        inside = nodes[borders[number] : borders[number + 1]]
        stages.append(_stage(network, taken, inside, [nodes[end], *left]))
        taken = left
    stages.append(_stage(network, taken, nodes[borders[-2] :], None))
    return stages


class _Around(fx.Tracer):
    """Looks only into what holds an exit; everything else is called as it is.

    So what depends on data, or on whether the network trains, goes on doing so elsewhere.
    """

    def __init__(self, behind: Sequence[str]) -> None:
        super().__init__()
        self._behind = behind

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return not any(name.startswith(f"{module_qualified_name}.") for name in self._behind)


def _place_of(name: str, nodes: Sequence[fx.Node]) -> int:
    places = [n for n, one in enumerate(nodes) if one.op == "call_module" and one.target == name]
    if len(places) != 1:
        raise ValueError(f"{name} is called {len(places)} times for an image, not once")
    return places[0]


def _crossing(nodes: Sequence[fx.Node], end: int) -> list[fx.Node]:
    """What is computed up to the cut and used behind it; tensors of the network itself are not."""
    behind = set(nodes[end + 1 :])
    return [node for node in nodes[: end + 1] if node.op != "get_attr" and behind & set(node.users)]


def _stage(
    network: nn.Module,
    taken: Sequence[fx.Node],
    inside: Sequence[fx.Node],
    gives: Sequence[fx.Node] | None,
) -> fx.GraphModule:
    """The nodes `inside` as a module; where it `gives` nothing of its own, the output is inside."""
    graph = fx.Graph()
    copies: dict[fx.Node, fx.Node] = {}

    def copy_of(node: fx.Node) -> fx.Node:
        if node not in copies:  # a tensor of the network, which an earlier stage uses too
            assert node.op == "get_attr", node
            copies[node] = graph.node_copy(node)
        return copies[node]

    for node in taken:
        copies[node] = (
            graph.node_copy(node) if node.op == "placeholder" else graph.placeholder(node.name)
        )
    for node in inside:
        if node not in copies:
            copies[node] = graph.node_copy(node, copy_of)
    if gives is not None:
        graph.output(tuple(copy_of(node) for node in gives))
    return fx.GraphModule(network, graph)
