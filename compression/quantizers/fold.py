"""Let batch norms disappear into the layers before them, as they do where a network is used."""

from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights, fuse_linear_bn_weights

from compression.channels.cut import must_agree, noise
from proxyless_nas.counting import in_eval_mode
from proxyless_nas.hooks import hooked
from proxyless_nas.layer import Shape


def folded(network: nn.Module, shape: Shape) -> nn.Module:
    """A copy, in eval mode, whose batch norms behind convolutions and linear maps are gone.

    It is compared with the network on noise: ValueError where it answers differently, which
    happens where something else also takes what a folded layer makes.
    """
    copy = deepcopy(network).eval()
    fold(copy, shape)
    try:
        must_agree(network, copy, noise(shape, copy))
    except ValueError as error:
        raise ValueError(
            "the network answers differently once its batch norms are folded: something else also "
            "takes what a layer before one of them makes"
        ) from error
    return copy


def fold(network: nn.Module, shape: Shape) -> int:
    """The same to `network` itself, not compared; how many batch norms have gone."""
    pairs = norms_behind(network, noise(shape, network))
    for layer, norm in pairs:
        _fold(network.get_submodule(layer), network.get_submodule(norm))
        owner, _, own = norm.rpartition(".")
        setattr(network.get_submodule(owner), own, nn.Identity())
    return len(pairs)


def norms_behind(network: nn.Module, x: Tensor) -> list[tuple[str, str]]:
    """(layer, the batch norm that takes just what it makes); each is called once."""
    names = {part: name for name, part in network.named_modules()}
    calls: dict[str, int] = {}
    made: list[tuple[str, Tensor]] = []
    found: list[tuple[str, str]] = []

    def called(part: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        name = names[part]
        calls[name] = calls.get(name, 0) + 1
        if isinstance(part, nn.Conv2d | nn.Linear):
            made.append((name, output))
        else:
            found.extend((layer, name) for layer, one in made if one is inputs[0])

    kinds = (nn.Conv2d, nn.Linear, nn.BatchNorm1d, nn.BatchNorm2d)
    handles = [part.register_forward_hook(called) for part in names if isinstance(part, kinds)]
    with hooked(handles), in_eval_mode(network), torch.no_grad():
        network(x)
    return [(layer, norm) for layer, norm in found if calls[layer] == calls[norm] == 1]


def _fold(layer: nn.Module, norm: nn.Module) -> None:
    assert isinstance(layer, nn.Conv2d | nn.Linear)
    assert isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d)
    fuse = fuse_linear_bn_weights if isinstance(layer, nn.Linear) else fuse_conv_bn_weights
    if norm.running_mean is None or norm.running_var is None:
        raise ValueError("a batch norm that keeps no statistics cannot be folded")
    layer.weight, layer.bias = fuse(
        layer.weight,
        layer.bias,
        norm.running_mean,
        norm.running_var,
        norm.eps,
        norm.weight,
        norm.bias,
    )
