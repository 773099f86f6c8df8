"""The description of a network of ours whose channels were removed: still one currency."""

import torch
from torch import nn

from proxyless_nas.counting import layers_of
from proxyless_nas.network import NetworkSpec


def described(spec: NetworkSpec, smaller: nn.Module) -> NetworkSpec:
    """What `spec` became: the description whose module takes the weights of `smaller`.

    ValueError where no description does: blocks write down some widths once that could have come
    apart, trees cannot lose channels, and no block has layers of low rank.
    """
    if _first_difference(spec, smaller) is None:
        return spec
    widths = {
        layer.name: layer.output.channels
        for layer in (*spec.layers(), *layers_of(smaller, spec.input))
        if layer.kind != "norm"
    }
    found = spec.with_widths(widths)
    difference = _first_difference(found, smaller)
    if difference is not None:
        raise ValueError(f"no description fits what is left of {spec.name}: {difference}")
    return found


def shapes_of(module: nn.Module) -> dict[str, tuple[int, ...]]:
    """The shapes of all tensors that its state holds, by name."""
    return {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}


def _first_difference(spec: NetworkSpec, module: nn.Module) -> str | None:
    """A tensor of the module that has another shape in the network that `spec` describes."""
    with torch.device("meta"):
        expected = shapes_of(spec.build())
    own = shapes_of(module)
    for name in {**own, **expected}:
        here, there = own.get(name), expected.get(name)
        if here != there:
            return f"{name} is {here}, not {there}"
    return None
