"""How each leaf module and each call becomes an ONNX node; batch norm folds into convolutions."""

import operator
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional

from latency_tables.graph_builder import Builder


def _conv(builder: Builder, node: fx.Node, conv: nn.Conv2d) -> str:
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


def _norm_behind(builder: Builder, node: fx.Node) -> nn.BatchNorm2d | None:
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


def _norm(builder: Builder, node: fx.Node, norm: nn.BatchNorm2d) -> str:
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


def _relu6(builder: Builder, node: fx.Node, module: nn.ReLU6) -> str:
    low = builder.weight("zero", torch.tensor(0.0))
    high = builder.weight("six", torch.tensor(6.0))
    return builder.emit("Clip", node, builder.value(node.args[0]), low, high)


def _relu(builder: Builder, node: fx.Node, module: nn.ReLU) -> str:
    return builder.emit("Relu", node, builder.value(node.args[0]))


def _hswish(builder: Builder, node: fx.Node, module: nn.Hardswish) -> str:
    return builder.emit("HardSwish", node, builder.value(node.args[0]))


def _hsigmoid(builder: Builder, node: fx.Node, module: nn.Hardsigmoid) -> str:
    return builder.emit("HardSigmoid", node, builder.value(node.args[0]), alpha=1 / 6, beta=0.5)


def _pool_to_one(builder: Builder, node: fx.Node, pool: nn.AdaptiveAvgPool2d) -> str:
    return _average_all(builder, node, node.args[0], pool.output_size)


def _average_all(builder: Builder, node: fx.Node, x: Any, output_size: Any) -> str:
    if output_size not in (1, (1, 1)):
        raise ValueError(f"no ONNX translation for pooling to {output_size}")
    return builder.emit("GlobalAveragePool", node, builder.value(x))


def _max_pool(builder: Builder, node: fx.Node, pool: nn.MaxPool2d) -> str:
    sizes = _window(pool, dilations=_pair(pool.dilation))
    if pool.return_indices:
        raise ValueError(f"no ONNX translation for the indices of {node.target!r}")
    return builder.emit("MaxPool", node, builder.value(node.args[0]), **sizes)


def _average_pool(builder: Builder, node: fx.Node, pool: nn.AvgPool2d) -> str:
    sizes = _window(pool, count_include_pad=int(pool.count_include_pad))
    if pool.divisor_override is not None:
        raise ValueError(f"no ONNX translation for the divisor of {node.target!r}")
    return builder.emit("AveragePool", node, builder.value(node.args[0]), **sizes)


def _window(pool: nn.MaxPool2d | nn.AvgPool2d, **more: Any) -> dict[str, Any]:
    return {
        "kernel_shape": _pair(pool.kernel_size),
        "strides": _pair(pool.stride),
        "pads": _pair(pool.padding) * 2,
        "ceil_mode": int(pool.ceil_mode),
        **more,
    }


def _pair(size: Any) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else tuple(size)


def _unchanged(builder: Builder, node: fx.Node, module: nn.Module) -> str:
    return builder.value(node.args[0])


def _linear(builder: Builder, node: fx.Node, linear: nn.Linear) -> str:
    inputs = [builder.value(node.args[0]), builder.weight(f"{node.name}.weight", linear.weight)]
    if linear.bias is not None:
        inputs.append(builder.weight(f"{node.name}.bias", linear.bias))
    return builder.emit("Gemm", node, *inputs, transB=1)


def _add(builder: Builder, node: fx.Node) -> str:
    if node.kwargs:
        raise ValueError(f"no ONNX translation for add with {sorted(node.kwargs)}")
    return builder.emit("Add", node, *(builder.value(argument) for argument in node.args))


def _multiply(builder: Builder, node: fx.Node) -> str:
    return builder.emit("Mul", node, *(builder.value(argument) for argument in node.args))


def _mean(builder: Builder, node: fx.Node) -> str:
    given: dict[str, Any] = dict(zip(("input", "dim", "keepdim"), node.args, strict=False))
    given.update(node.kwargs)
    dims = given.get("dim")
    if not isinstance(dims, (tuple, list)) or sorted(dim % 4 for dim in dims) != [2, 3]:
        raise ValueError(f"no ONNX translation for mean over {dims!r}: only over (2, 3)")
    pooled = builder.emit("GlobalAveragePool", node, builder.value(given["input"]))
    return pooled if given.get("keepdim") else builder.emit("Flatten", node, pooled, axis=1)


def _flatten(builder: Builder, node: fx.Node) -> str:
    if (*node.args[1:], *node.kwargs.values()) != (1,):
        raise ValueError("no ONNX translation for flatten unless it starts at dimension 1")
    return builder.emit("Flatten", node, builder.value(node.args[0]), axis=1)


def _index_select(builder: Builder, node: fx.Node) -> str:
    x, axis, index = node.args
    return builder.emit("Gather", node, builder.value(x), builder.value(index), axis=axis)


def _pad(builder: Builder, node: fx.Node, x: Any, pad: Any, *how: Any, **more: Any) -> str:
    """Zeros around a [B, C, H, W]; torch names the sides from the last dimension, in pairs."""
    if how or more.get("mode", "constant") != "constant" or more.get("value"):
        raise ValueError(f"no ONNX translation for {node.name!r}: only padding with zeros")
    sides = [*pad, *[0] * (8 - len(pad))]
    pads = torch.tensor([*sides[-2::-2], *sides[::-2]])
    return builder.emit("Pad", node, builder.value(x), builder.weight(f"{node.name}.pads", pads))


LEAVES: dict[type[nn.Module], Callable[[Builder, fx.Node, Any], str]] = {
    nn.Conv2d: _conv,
    nn.BatchNorm2d: _norm,
    nn.ReLU6: _relu6,
    nn.ReLU: _relu,
    nn.Hardswish: _hswish,
    nn.Hardsigmoid: _hsigmoid,
    nn.AdaptiveAvgPool2d: _pool_to_one,
    nn.MaxPool2d: _max_pool,
    nn.AvgPool2d: _average_pool,
    nn.Identity: _unchanged,
    nn.Dropout: _unchanged,
    nn.Linear: _linear,
}
CALLS: dict[Any, Callable[[Builder, fx.Node], str]] = {
    operator.add: _add,
    operator.iadd: _add,
    torch.add: _add,
    "add": _add,
    operator.mul: _multiply,
    torch.mean: _mean,
    "mean": _mean,
    torch.flatten: _flatten,
    "flatten": _flatten,
    "index_select": _index_select,
    torch.index_select: _index_select,
    functional.adaptive_avg_pool2d: lambda builder, node: _average_all(builder, node, *node.args),
    functional.pad: lambda builder, node: _pad(builder, node, *node.args, **node.kwargs),
}
