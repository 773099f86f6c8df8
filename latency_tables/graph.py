"""Turn an eval-mode module into an ONNX model in milliseconds, batch norm folded into convolutions.

The module is traced with torch.fx; each leaf becomes one ONNX node. There is no code per kind of
block: a new block works as soon as it is made of the leaves in `LEAVES` and the calls in `CALLS`.
"""

import operator
from collections.abc import Callable
from typing import Any

import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, fx, nn
from torch.fx.proxy import TraceError
from torch.nn import functional

from proxyless_nas.layer import Shape

OPSET = 17
IR_VERSION = 8


def to_onnx(module: nn.Module, shape: Shape, name: str = "model") -> onnx.ModelProto:
    """The ONNX model [1, *shape] float32 `x` -> `y` that computes what `module` does in eval mode.

    Raises ValueError for a module in training mode, for one that cannot be traced, and for an
    operation that has no translation here (the message names it).
    """
    if any(part.training for part in module.modules()):
        raise ValueError(f"{name} is in training mode; call .eval() before translating it to ONNX")
    try:
        graph = _Tracer().trace(module)
    except TraceError as error:
        raise ValueError(f"{name} cannot be traced to ONNX: {error}") from error
    builder = _Builder(dict(module.named_modules()))
    for node in graph.nodes:
        builder.add(node)
    size = [1, shape.channels, shape.height, shape.width]
    model = helper.make_model(
        helper.make_graph(
            builder.nodes,
            name,
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, size)],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
            list(builder.weights.values()),
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        producer_name="latency_tables",
    )
    model.ir_version = IR_VERSION
    return model


class _Tracer(fx.Tracer):
    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, tuple(LEAVES)) or super().is_leaf_module(m, module_qualified_name)


class _Builder:
    """Collects ONNX nodes and weights while walking an fx graph."""

    def __init__(self, modules: dict[str, nn.Module]) -> None:
        self.modules = modules
        self.nodes: list[onnx.NodeProto] = []
        self.weights: dict[str, onnx.TensorProto] = {}
        self.used = {"x", "y"}
        self.names: dict[fx.Node, str] = {}  # fx node -> name of the ONNX tensor holding its value

    def add(self, node: fx.Node) -> None:
        if node.op == "placeholder":
            if self.names:
                raise ValueError(f"a second input {node.name!r}: only one input can be timed")
            self.names[node] = "x"
        elif node.op == "output":
            self.nodes.append(helper.make_node("Identity", [self.value(node.args[0])], ["y"]))
        elif node.op == "call_module":
            module = self.modules[str(node.target)]
            self.names[node] = self.leaf(node, module)
        elif node.target in CALLS:
            self.names[node] = CALLS[node.target](self, node)
        else:
            what = getattr(node.target, "__name__", node.target)
            raise ValueError(f"no ONNX translation for operation {what!r} (at {node.name!r})")

    def leaf(self, node: fx.Node, module: nn.Module) -> str:
        for kind, translate in LEAVES.items():
            if isinstance(module, kind):
                return translate(self, node, module)
        what = type(module).__name__
        raise ValueError(f"no ONNX translation for module {what!r} (at {node.target!r})")

    def value(self, argument: Any) -> str:
        if not isinstance(argument, fx.Node) or argument not in self.names:
            raise ValueError(f"no ONNX translation for the operand {argument!r}: not a tensor")
        return self.names[argument]

    def emit(self, kind: str, node: fx.Node, *inputs: str, **attributes: Any) -> str:
        """Append one node, named after its fx node, that makes one tensor of the same name."""
        name = node.name if node.name not in self.used else f"{node.name}.{kind.lower()}"
        self.used.add(name)
        self.nodes.append(helper.make_node(kind, inputs, [name], name=name, **attributes))
        return name

    def weight(self, name: str, tensor: Tensor) -> str:
        array = tensor.detach().to("cpu", torch.float32).contiguous().numpy()
        self.weights[name] = numpy_helper.from_array(array, name)
        return name


def _conv(builder: _Builder, node: fx.Node, conv: nn.Conv2d) -> str:
    if isinstance(conv.padding, str) or conv.padding_mode != "zeros":
        raise ValueError(f"no ONNX translation for the padding of {node.target!r}")
    weight, bias = conv.weight.detach(), conv.bias
    norm = _norm_behind(builder, node)
    if norm is not None:
        scale, shift = _scale_and_shift(norm)
        weight = weight * scale[:, None, None, None]
        bias = shift if bias is None else bias.detach() * scale + shift
    inputs = [builder.value(node.args[0]), builder.weight(f"{node.name}.weight", weight)]
    if bias is not None:
        inputs.append(builder.weight(f"{node.name}.bias", bias))
    return builder.emit(
        "Conv",
        node,
        *inputs,
        kernel_shape=conv.kernel_size,
        strides=conv.stride,
        pads=[*conv.padding, *conv.padding],
        dilations=conv.dilation,
        group=conv.groups,
    )


def _norm_behind(builder: _Builder, node: fx.Node) -> nn.BatchNorm2d | None:
    """The batch norm that is the only reader of this convolution, if there is one."""
    readers = list(node.users)
    if len(readers) != 1 or readers[0].op != "call_module":
        return None
    module = builder.modules[str(readers[0].target)]
    return module if isinstance(module, nn.BatchNorm2d) else None


def _scale_and_shift(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """y = scale * x + shift per channel, from the running statistics."""
    if norm.running_mean is None or norm.running_var is None:
        raise ValueError("a batch norm without running statistics cannot be folded")
    scale = torch.rsqrt(norm.running_var + norm.eps)
    if norm.affine:
        scale = scale * norm.weight.detach()
    shift = -norm.running_mean * scale
    return scale, shift + norm.bias.detach() if norm.affine else shift


def _norm(builder: _Builder, node: fx.Node, norm: nn.BatchNorm2d) -> str:
    before = node.args[0]
    if isinstance(before, fx.Node) and before.op == "call_module" and len(before.users) == 1:
        module = builder.modules[str(before.target)]
        if isinstance(module, nn.Conv2d):
            return builder.value(before)  # folded already
    scale, shift = _scale_and_shift(norm)
    zero, one = torch.zeros_like(shift), torch.ones_like(shift)
    parts = {"scale": scale, "bias": shift, "mean": zero, "var": one}
    names = [builder.weight(f"{node.name}.{role}", part) for role, part in parts.items()]
    return builder.emit("BatchNormalization", node, builder.value(before), *names, epsilon=0.0)


def _relu6(builder: _Builder, node: fx.Node, module: nn.ReLU6) -> str:
    low = builder.weight("zero", torch.tensor(0.0))
    high = builder.weight("six", torch.tensor(6.0))
    return builder.emit("Clip", node, builder.value(node.args[0]), low, high)


def _relu(builder: _Builder, node: fx.Node, module: nn.ReLU) -> str:
    return builder.emit("Relu", node, builder.value(node.args[0]))


def _hswish(builder: _Builder, node: fx.Node, module: nn.Hardswish) -> str:
    return builder.emit("HardSwish", node, builder.value(node.args[0]))


def _hsigmoid(builder: _Builder, node: fx.Node, module: nn.Hardsigmoid) -> str:
    return builder.emit("HardSigmoid", node, builder.value(node.args[0]), alpha=1 / 6, beta=0.5)


def _pool_to_one(builder: _Builder, node: fx.Node, pool: nn.AdaptiveAvgPool2d) -> str:
    return _pool(builder, node, node.args[0], pool.output_size)


def _pool(builder: _Builder, node: fx.Node, x: Any, output_size: Any) -> str:
    if output_size not in (1, (1, 1)):
        raise ValueError(f"no ONNX translation for pooling to {output_size}")
    return builder.emit("GlobalAveragePool", node, builder.value(x))


def _unchanged(builder: _Builder, node: fx.Node, module: nn.Module) -> str:
    return builder.value(node.args[0])


def _linear(builder: _Builder, node: fx.Node, linear: nn.Linear) -> str:
    inputs = [builder.value(node.args[0]), builder.weight(f"{node.name}.weight", linear.weight)]
    if linear.bias is not None:
        inputs.append(builder.weight(f"{node.name}.bias", linear.bias))
    return builder.emit("Gemm", node, *inputs, transB=1)


def _add(builder: _Builder, node: fx.Node) -> str:
    if node.kwargs:
        raise ValueError(f"no ONNX translation for add with {sorted(node.kwargs)}")
    return builder.emit("Add", node, *(builder.value(argument) for argument in node.args))


def _multiply(builder: _Builder, node: fx.Node) -> str:
    return builder.emit("Mul", node, *(builder.value(argument) for argument in node.args))


def _mean(builder: _Builder, node: fx.Node) -> str:
    given: dict[str, Any] = dict(zip(("input", "dim", "keepdim"), node.args, strict=False))
    given.update(node.kwargs)
    dims = given.get("dim")
    if not isinstance(dims, (tuple, list)) or sorted(dim % 4 for dim in dims) != [2, 3]:
        raise ValueError(f"no ONNX translation for mean over {dims!r}: only over (2, 3)")
    pooled = builder.emit("GlobalAveragePool", node, builder.value(given["input"]))
    return pooled if given.get("keepdim") else builder.emit("Flatten", node, pooled, axis=1)


def _flatten(builder: _Builder, node: fx.Node) -> str:
    if (*node.args[1:], *node.kwargs.values()) != (1,):
        raise ValueError("no ONNX translation for flatten unless it starts at dimension 1")
    return builder.emit("Flatten", node, builder.value(node.args[0]), axis=1)


LEAVES: dict[type[nn.Module], Callable[[_Builder, fx.Node, Any], str]] = {
    nn.Conv2d: _conv,
    nn.BatchNorm2d: _norm,
    nn.ReLU6: _relu6,
    nn.ReLU: _relu,
    nn.Hardswish: _hswish,
    nn.Hardsigmoid: _hsigmoid,
    nn.AdaptiveAvgPool2d: _pool_to_one,
    nn.Identity: _unchanged,
    nn.Dropout: _unchanged,
    nn.Linear: _linear,
}
CALLS: dict[Any, Callable[[_Builder, fx.Node], str]] = {
    operator.add: _add,
    operator.iadd: _add,
    torch.add: _add,
    "add": _add,
    operator.mul: _multiply,
    torch.mean: _mean,
    "mean": _mean,
    torch.flatten: _flatten,
    "flatten": _flatten,
    functional.adaptive_avg_pool2d: lambda builder, node: _pool(builder, node, *node.args),
}
