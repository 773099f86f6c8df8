"""The description of a network of ours whose channels were removed: still one currency."""

import torch
from torch import nn

from proxyless_nas.counting import layers_of
from proxyless_nas.network import NetworkSpec


def described(spec: NetworkSpec, smaller: nn.Module) -> NetworkSpec:
    """What `spec` became: the description whose module takes the weights of `smaller`.

    ValueError where no description does: blocks write down some widths once that could have come
    apart, and trees cannot lose channels.
    """
    widths = {
        layer.name: layer.output.channels
        for layer in layers_of(smaller, spec.input)
        if layer.kind != "norm"
    }
    found = spec.with_widths(widths)
    with torch.device("meta"):
        expected = found.build().state_dict()
    own = smaller.state_dict()
    for name in {**own, **expected}:
        shapes = [
            tuple(tensors[name].shape) if name in tensors else None for tensors in (own, expected)
        ]
        if shapes[0] != shapes[1]:
            raise ValueError(
                f"no description of {spec.name} has its channels removed like this: {name} is "
                f"{shapes[0]}, not {shapes[1]}"
            )
    return found
