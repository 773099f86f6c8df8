"""Stochastic gradient descent with Nesterov momentum and weight-decay exemptions by rule."""

from torch import nn, optim


def sgd(
    module: nn.Module, lr: float, momentum: float, weight_decay: float, decay_norm: bool
) -> optim.SGD:
    """SGD over all parameters; without `decay_norm`, vectors (norms and biases) do not decay.

    A parameter whose gradient is None is left alone: no decay, no momentum, no state.
    """
    matrices = [p for p in module.parameters() if p.ndim > 1]
    vectors = [p for p in module.parameters() if p.ndim <= 1]
    groups = [
        {"params": matrices, "weight_decay": weight_decay},
        {"params": vectors, "weight_decay": weight_decay if decay_norm else 0.0},
    ]
    return optim.SGD(groups, lr=lr, momentum=momentum, nesterov=momentum > 0, foreach=True)


def set_lr(optimizer: optim.Optimizer, lr: float) -> None:
    """Give every group the learning rate `lr`."""
    for group in optimizer.param_groups:
        group["lr"] = lr
