"""Split a module into the layers that a table of granularity `layer` prices."""

import re
from typing import Any, Literal, get_args

import torch
from msgspec import Struct, convert, structs
from torch import Tensor, fx, nn

from latency_tables.model import Model
from latency_tables.tracing import called_name, traced_with_shapes
from proxyless_nas.layer import FLOAT_BYTES, Shape
from proxyless_nas.seeds import seeded

Kind = Literal["conv", "linear", "norm", "add", "multiply", "average", "activation"]
Activation = Literal["none", "relu", "relu6", "hswish", "hsigmoid"]
ACTIVATIONS: dict[Activation, type[nn.Module]] = {
    "relu": nn.ReLU,
    "relu6": nn.ReLU6,
    "hswish": nn.Hardswish,
    "hsigmoid": nn.Hardsigmoid,
}
CALLED_ACTIVATIONS: dict[str, Activation] = {
    "relu": "relu",
    "relu_": "relu",
    "relu6": "relu6",
    "hardswish": "hswish",
    "hardsigmoid": "hsigmoid",
}
PREFIX = "layer."
KEY = re.compile(
    rf"layer\.(?P<kind>{'|'.join(get_args(Kind))})-in(?P<input>\d+x\d+x\d+)-out(?P<out>\d+)"
    r"(-kernel(?P<kernel>\d+)-stride(?P<stride>\d+)-groups(?P<groups>\d+))?"
    rf"(-(?P<activation>{'|'.join(ACTIVATIONS)}))?"
)
CALLS: dict[str, Kind] = {
    "add": "add",
    "iadd": "add",
    "mul": "multiply",
    "mean": "average",
    "adaptive_avg_pool2d": "average",
}


class LayerPart(Struct, frozen=True):
    """One operation, with the activation that directly follows it.

    A batch norm behind a convolution is folded into it. `multiply` is by one number per channel
    (the gate of squeeze-and-excitation), `average` is over all positions.
    """

    kind: Kind
    input: Shape
    out: int
    kernel: int = 1
    stride: int = 1
    groups: int = 1
    activation: Activation = "none"

    @property
    def key(self) -> str:
        """For example `layer.conv-in24x56x56-out144-kernel1-stride1-groups1-relu6`."""
        parts = [f"{PREFIX}{self.kind}", f"in{self.input}", f"out{self.out}"]
        if self.kind == "conv":
            parts += [f"kernel{self.kernel}", f"stride{self.stride}", f"groups{self.groups}"]
        return "-".join(parts + ([] if self.activation == "none" else [self.activation]))

    @property
    def macs(self) -> int:
        """Multiply-accumulates for one image."""
        if self.kind not in ("conv", "linear"):
            return 0
        after = self.input.after(self.out, self.stride)
        return self._weights * (after.height * after.width if self.kind == "conv" else 1)

    @property
    def weight_bytes(self) -> int:
        """Bytes of float32 weights and of one bias per output channel."""
        if self.kind not in ("conv", "linear", "norm"):
            return 0
        return FLOAT_BYTES * (self._weights + self.out)

    @property
    def _weights(self) -> int:
        if self.kind == "norm":
            return self.out
        return self.input.channels // self.groups * self.kernel**2 * self.out

    def model(self, batch: int = 1) -> Model:
        """What a runtime runs. Its weights are random, from a fixed seed."""

        def build() -> nn.Module:
            with seeded(0):
                return _build(self)

        return Model(self.key, build, self.input, batch)


def layer_parts(module: nn.Module, shape: Shape) -> tuple[LayerPart, ...]:
    """The layers of a module that takes [1, *shape]; ValueError for what cannot be split."""
    return tuple(part for _, part in placed_layers(module, shape))


def placed_layers(module: nn.Module, shape: Shape) -> tuple[tuple[str, LayerPart], ...]:
    """`layer_parts`, each with the module's name for it if it is a convolution or a linear layer.

    Any other has the name of the layer whose channels it is given first, or none for the image's.
    """
    graph, modules = traced_with_shapes(module, shape)
    found: list[LayerPart] = []
    names: list[str] = []
    maker: dict[fx.Node, int] = {}  # which part made this value and may still take an activation
    channels: dict[fx.Node, str] = {}  # the layer that made the channels of this value
    for node in graph.nodes:
        if node.op in ("placeholder", "output", "get_attr"):
            continue
        part = modules[str(node.target)] if node.op == "call_module" else None
        before = node.args[0]
        makes = isinstance(part, (nn.Conv2d, nn.Linear))
        channels[node] = str(node.target) if makes else channels.get(before, "")
        if isinstance(part, (nn.Identity, nn.Dropout)) or called_name(node) == "flatten":
            if before in maker:
                maker[node] = maker[before]
            continue
        owner = maker.get(before) if isinstance(before, fx.Node) else None
        if isinstance(part, nn.BatchNorm2d) and owner is not None and found[owner].kind == "conv":
            maker[node] = owner
            continue
        activation = _activation(node, part)
        if activation != "none" and owner is not None and found[owner].activation == "none":
            found[owner] = _with_activation(found[owner], activation)
            continue
        maker[node] = len(found)
        found.append(_part(node, part, activation))
        names.append(channels[node])
    return tuple(zip(names, found, strict=True))


def is_layer_key(key: str) -> bool:
    """Whether a table's key names a layer, not a block."""
    return key.startswith(PREFIX)


def parse_layer(key: str) -> LayerPart:
    """The layer that a key names; ValueError where it names none."""
    match = KEY.fullmatch(key)
    if match is None:
        raise ValueError(f"{key!r} names no layer")
    sizes = {name: int(match[name]) for name in ("kernel", "stride", "groups") if match[name]}
    return LayerPart(
        kind=convert(match["kind"], Kind),
        input=Shape(*(int(side) for side in match["input"].split("x"))),
        out=int(match["out"]),
        activation=convert(match["activation"] or "none", Activation),
        **sizes,
    )


def _with_activation(part: LayerPart, activation: Activation) -> LayerPart:
    return structs.replace(part, activation=activation)


def _activation(node: fx.Node, part: nn.Module | None) -> Activation:
    for name, kind in ACTIVATIONS.items():
        if isinstance(part, kind):
            return name
    return CALLED_ACTIVATIONS.get(called_name(node), "none") if part is None else "none"


def _part(node: fx.Node, part: nn.Module | None, activation: Activation) -> LayerPart:
    shape = _shape(node.args[0])
    match part:
        case nn.Conv2d():
            if part.kernel_size[0] != part.kernel_size[1] or part.stride[0] != part.stride[1]:
                raise ValueError(f"{node.name}: only square kernels and strides can be priced")
            kernel, stride = part.kernel_size[0], part.stride[0]
            return LayerPart("conv", shape, part.out_channels, kernel, stride, part.groups)
        case nn.Linear():
            return LayerPart("linear", Shape(part.in_features, 1, 1), part.out_features)
        case nn.BatchNorm2d():
            return LayerPart("norm", shape, shape.channels)
        case nn.AdaptiveAvgPool2d(output_size=1 | (1, 1)):
            return LayerPart("average", shape, shape.channels)
    if activation != "none":
        return LayerPart("activation", shape, shape.channels, activation=activation)
    name = called_name(node)
    if name not in CALLS or (name == "adaptive_avg_pool2d" and node.args[1] not in (1, (1, 1))):
        what = type(part).__name__ if part is not None else name
        raise ValueError(
            f"{node.name}: a table of layers has no {what}; price whole blocks "
            "(--granularity block), or choose by something else than such a table"
        )
    return LayerPart(CALLS[name], shape, shape.channels)


def _shape(value: Any) -> Shape:
    sides = tuple(value.meta["tensor_meta"].shape)[1:]
    return Shape(*sides, *(1,) * (3 - len(sides)))


def _sides(shape: Shape) -> tuple[int, int, int]:
    return shape.channels, shape.height, shape.width


def _build(part: LayerPart) -> nn.Module:
    channels = part.input.channels
    match part.kind:
        case "conv":
            first: nn.Module = nn.Conv2d(
                channels, part.out, part.kernel, part.stride, part.kernel // 2, groups=part.groups
            )
        case "linear":
            first = _FlatLinear(channels, part.out)
        case "norm":
            first = nn.BatchNorm2d(channels)
        case "average":
            first = nn.AdaptiveAvgPool2d(1)
        case "activation":
            first = nn.Identity()
        case "add" | "multiply":
            sides = _sides(part.input) if part.kind == "add" else (channels, 1, 1)
            first = _WithConstant(part.kind, torch.randn(1, *sides))
    behind = [] if part.activation == "none" else [ACTIVATIONS[part.activation]()]
    return nn.Sequential(first, *behind)


class _WithConstant(nn.Module):
    """x + constant, or x * constant."""

    def __init__(self, kind: Literal["add", "multiply"], constant: Tensor) -> None:
        super().__init__()
        self.constant = nn.Parameter(constant, requires_grad=False)
        self.adds = kind == "add"

    def forward(self, x: Tensor) -> Tensor:
        return x + self.constant if self.adds else x * self.constant


class _FlatLinear(nn.Module):
    """[B, C, 1, 1] -> [B, out]."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.linear = nn.Linear(channels, out)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x.flatten(1))
