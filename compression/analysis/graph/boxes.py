"""From a traced network to boxes: a layer with norm and activation behind it, or an operation."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from msgspec import Struct
from torch import Tensor, fx, nn

from compression.channels import known
from compression.channels.layers import CONVOLUTIONS, PER_CHANNEL, PER_NUMBER, SILENT, TRANSPOSED
from compression.channels.structure import every
from compression.channels.walk import run_bare
from proxyless_nas.counting import macs_by_module
from proxyless_nas.drawing.words import TIMES
from proxyless_nas.layer import Shape

KINDS_BEHIND = (*PER_CHANNEL, *PER_NUMBER, nn.PReLU)
SILENT_CALLS = frozenset(("dropout", "stochastic_depth", "contiguous", "clone", "detach"))
"""Functions and methods that change nothing once a network has learned."""
INPUT = "input"


class Box(Struct, frozen=True):
    """What is drawn as one: it begins with a layer, an operation, or the network's input.

    What works on each number or channel of its answer alone, and on nothing else, is in the same
    box: batch norm, an activation.
    """

    name: str
    """Of the layer, or of the operation in the trace."""
    layer: bool
    words: tuple[str, ...]
    """What is done, in order."""
    output: tuple[int, ...]
    """The shape of the answer for one image; of the first part where there are several."""
    macs: int
    parameters: int
    inputs: tuple[int, ...]
    """The boxes whose answers it is given, as numbers; all come earlier."""
    parts: tuple[str, ...]
    """All modules in it."""


def boxes_of(module: nn.Module, shape: Shape) -> tuple[Box, ...]:
    """Every operation on tensors, as an image of `shape` passes, in the order of the calls.

    Products that no layer computes are not counted, nor are parameters that no layer holds.
    ValueError where the module cannot be traced.
    """
    x = torch.empty(1, shape.channels, shape.height, shape.width, device="meta")
    run = run_bare(module, _Values, x)
    calls = Counter(str(node.target) for node in run.values if node.op == "call_module")
    macs = {name: count // calls[name] for name, count in macs_by_module(module, shape).items()
            if name in calls}  # fmt: skip
    drawn = _Drawing(module, run.values)
    for node in run.values:
        drawn.add(node)
    return tuple(drawn.told(macs))


class _Values(fx.Interpreter):
    """Keeps what every operation answers, without data."""

    def __init__(self, graph: fx.GraphModule) -> None:
        super().__init__(graph)
        self.values: dict[fx.Node, Any] = {}

    def run_node(self, n: fx.Node) -> Any:
        """What an operation gives; called for every one, in order."""
        self.values[n] = super().run_node(n)
        return self.values[n]


@dataclass
class _Open:
    """A box that may grow."""

    first: fx.Node
    last: fx.Node
    inputs: tuple[int, ...]
    words: list[str]
    parts: list[str] = field(default_factory=list)


class _Drawing:
    """Boxes that grow while operations are added in order."""

    def __init__(self, module: nn.Module, values: dict[fx.Node, Any]) -> None:
        self._parts = dict(module.named_modules())
        self._values = values
        self._tensors = {node: every(Tensor, (value,)) for node, value in values.items()}
        self._boxes: list[_Open] = []
        self._home: dict[fx.Node, int] = {}

    def add(self, node: fx.Node) -> None:
        """Draw an operation, if it answers with a tensor."""
        if node.op in ("output", "get_attr") or not self._tensors[node]:
            return
        before = [one for one in node.all_input_nodes if one in self._home]
        homes = tuple(dict.fromkeys(self._home[one] for one in before))
        if len(homes) == 1 and self._follows(node, self._boxes[homes[0]].last):
            number = homes[0]
            self._boxes[number].last = node
        elif len(homes) == 1 and self._passes_on(node):
            self._home[node] = homes[0]
            return
        else:
            number = len(self._boxes)
            self._boxes.append(_Open(node, node, homes, []))
        self._home[node] = number
        box = self._boxes[number]
        box.words += self._words(node)
        if node.op == "call_module":
            box.parts.append(str(node.target))

    def told(self, macs: dict[str, int]) -> Iterator[Box]:
        """The boxes as they are; parameters of a module that is called again are not told again."""
        seen = set[int]()
        for box in self._boxes:
            held = {
                id(one): one.numel() for name in box.parts for one in self._parts[name].parameters()
            }
            layer = box.first.op == "call_module"
            yield Box(
                name=str(box.first.target) if layer else box.first.name,
                layer=layer,
                words=tuple(box.words),
                output=tuple(self._tensors[box.last][0].shape[1:]),
                macs=sum(macs.get(name, 0) for name in box.parts),
                parameters=sum(held[one] for one in held.keys() - seen),
                inputs=box.inputs,
                parts=tuple(box.parts),
            )
            seen |= held.keys()

    def _passes_on(self, node: fx.Node) -> bool:
        """Whether it changes nothing, or only picks one of several answers."""
        if node.op == "call_module":
            return isinstance(self._parts[str(node.target)], SILENT)
        if _name(node) == "getitem":
            return not isinstance(self._values[node.all_input_nodes[0]], Tensor)
        return _name(node) in SILENT_CALLS

    def _follows(self, node: fx.Node, last: fx.Node) -> bool:
        """Whether it works on every number, or channel, of what nobody else is given."""
        if self._boxes[self._home[last]].first.op == "placeholder":
            return False
        readers = [user for user in last.users if self._tensors[user] and user.op != "output"]
        if readers != [node] or node.all_input_nodes != [last]:
            return False
        if node.op == "call_module":
            return isinstance(self._parts[str(node.target)], KINDS_BEHIND)
        return _name(node) in known.PER_NUMBER

    def _words(self, node: fx.Node) -> list[str]:
        if node.op == "placeholder":
            return [INPUT]
        if node.op != "call_module":
            return [_name(node)] if _name(node) not in SILENT_CALLS else []
        part = self._parts[str(node.target)]
        return [] if isinstance(part, SILENT) else [_told(part)]


def _name(node: fx.Node) -> str:
    """Of the function or method that is called."""
    target = node.target
    return (target if isinstance(target, str) else getattr(target, "__name__", "?")).strip("_")


def _told(part: nn.Module) -> str:
    """`Conv2d 3×3 /2 depthwise`: a layer with what is said of it besides its widths."""
    kind = type(part).__name__
    if isinstance(part, PER_CHANNEL) and kind.startswith("BatchNorm"):
        return "BN"
    words = [kind]
    kernel, stride = getattr(part, "kernel_size", None), getattr(part, "stride", None)
    if kernel is not None:
        words.append(TIMES.join(map(str, _both(kernel, part))))
    if stride is not None and set(_both(stride, part)) != {1}:
        words.append("/" + TIMES.join(map(str, dict.fromkeys(_both(stride, part)))))
    groups = getattr(part, "groups", 1)
    if isinstance(part, (*CONVOLUTIONS, *TRANSPOSED)) and groups > 1:
        words.append("depthwise" if groups == part.in_channels else f"{groups} groups")
    return " ".join(words)


def _both(size: Any, part: nn.Module) -> tuple[int, ...]:
    """A size as written, or once for each of two axes."""
    if isinstance(size, tuple):
        return size
    return (size,) if type(part).__name__.endswith("1d") else (size, size)
