"""Stochastic gradient descent with momentum, and weight decay with exemptions by rule."""

from collections.abc import Collection
from typing import Literal

from torch import nn, optim

from proxyless_nas.parameters import own_parameters

Exempt = Literal["norm", "bias", "depthwise"]
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.LayerNorm, nn.GroupNorm)


def sgd(
    module: nn.Module,
    lr: float,
    momentum: float,
    weight_decay: float,
    exempt: Collection[Exempt] = (),
    nesterov: bool = True,
) -> optim.SGD:
    """SGD over all parameters; the kinds in `exempt` do not decay, masked or not.

    Neither do those of a part that says so: its class has `decays = False`.

    A parameter whose gradient is None is left alone: no decay, no momentum, no state.
    """
    decayed: list[nn.Parameter] = []
    spared: list[nn.Parameter] = []
    for part in module.modules():
        for name, parameter in own_parameters(part):
            stays = kind_of(part, name) in exempt or not getattr(part, "decays", True)
            (spared if stays else decayed).append(parameter)
    groups = [
        {"params": decayed, "weight_decay": weight_decay},
        {"params": spared, "weight_decay": 0.0},
    ]
    return optim.SGD(
        groups, lr=lr, momentum=momentum, nesterov=nesterov and momentum > 0, foreach=True
    )


def kind_of(owner: nn.Module, name: str) -> Exempt | None:
    """norm: scale and shift of a normalisation; bias: any other bias; depthwise: its kernels."""
    if isinstance(owner, NORMS):
        return "norm"
    if name == "bias":
        return "bias"
    if isinstance(owner, nn.Conv2d) and 1 < owner.groups == owner.in_channels:
        return "depthwise"
    return None


def set_lr(optimizer: optim.Optimizer, lr: float) -> None:
    """Give every group the learning rate `lr`."""
    for group in optimizer.param_groups:
        group["lr"] = lr
