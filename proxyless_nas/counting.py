"""Count what any torch module does, by running it once on tensors that have a shape and no data."""

import contextlib
from collections.abc import Iterator

import torch
from msgspec.structs import replace
from torch import Tensor, nn
from torch.func import functional_call
from torch.utils.flop_counter import FlopCounterMode

from proxyless_nas.blocks.base import norm_layer
from proxyless_nas.hooks import hooked
from proxyless_nas.layer import Layer, Shape


def layers_of(module: nn.Module, shape: Shape) -> tuple[Layer, ...]:
    """The module's convolutions, linear maps and lone batch norms, as an image [1, *shape] passes.

    Names are module names. A module that is called twice is there twice: its work is done twice,
    its parameters are the same. For a network of ours these are the layers of `spec.layers()`,
    perhaps in another order. What no such module computes, like the products inside attention, is
    no layer; `macs_of` counts it too. A linear map over several positions has them as its height.
    """
    names = {part: name for name, part in module.named_modules()}
    found: list[Layer] = []
    outputs: list[tuple[Tensor, int]] = []  # of the layers in `found`, and how often each changed

    def called(part: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        (x,) = inputs
        if isinstance(part, nn.BatchNorm2d):
            for index, (made, version) in enumerate(outputs):
                layer, unchanged = found[index], made is x and x._version == version
                if unchanged and layer.kind == "conv" and _neighbours(layer.name, names[part]):
                    found[index] = replace(layer, norm=part.affine)
                    return
        found.append(_layer(names[part], part, x, output))
        outputs.append((output, output._version))

    kinds = (nn.Conv2d, nn.Linear, nn.BatchNorm2d)
    handles = [part.register_forward_hook(called) for part in names if isinstance(part, kinds)]
    with hooked(handles):
        _run_without_data(module, shape)
    return tuple(found)


def macs_of(module: nn.Module, shape: Shape) -> int:
    """Multiply-accumulates of all convolutions and matrix products for one image of `shape`."""
    with FlopCounterMode(display=False) as counter:
        _run_without_data(module, shape)
    return counter.get_total_flops() // 2


def macs_by_module(module: nn.Module, shape: Shape) -> dict[str, int]:
    """`macs_of` by the parts that compute, what their own parts compute apart; by module name."""
    with FlopCounterMode(display=False) as counter:
        _run_without_data(module, shape)
    found = counter.get_flop_counts()

    def below(name: str) -> int:
        return sum(found.get(f"{type(module).__name__}.{name}", {}).values()) // 2

    own = {
        name: below(name) - sum(below(f"{name}.{child}") for child, _ in part.named_children())
        for name, part in module.named_modules()
        if name
    }
    return {name: macs for name, macs in own.items() if macs}


def parameters_of(module: nn.Module) -> int:
    """Number of trainable parameters."""
    return sum(parameter.numel() for parameter in module.parameters())


def _layer(name: str, part: nn.Module, x: Tensor, y: Tensor) -> Layer:
    """One call of a module; the batch norm of a convolution is not known yet."""
    if isinstance(part, nn.Linear):
        rows = x.numel() // part.in_features
        before, after = Shape(part.in_features, rows, 1), Shape(part.out_features, rows, 1)
        return Layer(name, "linear", before, after, bias=part.bias is not None, norm=False)
    before, after = Shape(*x.shape[1:]), Shape(*y.shape[1:])
    if isinstance(part, nn.BatchNorm2d):
        return norm_layer(name, before)
    assert isinstance(part, nn.Conv2d)
    height, width = part.kernel_size
    return Layer(
        name,
        "conv",
        before,
        after,
        height,
        part.stride[0],
        part.groups,
        bias=part.bias is not None,
        norm=False,
        kernel_width=None if width == height else width,
    )


def _neighbours(name: str, other: str) -> bool:
    """Whether two modules stand in the same parent."""
    return name.rpartition(".")[0] == other.rpartition(".")[0]


@torch.no_grad()
def _run_without_data(module: nn.Module, shape: Shape) -> None:
    """Call `module` in eval mode on the meta device; its own tensors and modes stay as they are."""
    tensors = {
        f"{name}.{own}" if name else own: tensor.to("meta")
        for name, part in module.named_modules()  # each once, or it would be put back twice
        for those in (part.named_parameters, part.named_buffers)
        for own, tensor in those(recurse=False, remove_duplicate=False)
    }
    image = torch.zeros(1, shape.channels, shape.height, shape.width, device="meta")
    with in_eval_mode(module):
        functional_call(module, tensors, (image,), tie_weights=False)


@contextlib.contextmanager
def in_eval_mode(module: nn.Module) -> Iterator[None]:
    """Within, all parts of `module` are in eval mode; behind it, those that trained train again."""
    training = [part for part in module.modules() if part.training]
    module.eval()
    try:
        yield
    finally:
        for part in training:
            part.training = True
