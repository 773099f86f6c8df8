"""Activations by their names, TensorFlow's or short ones."""

from collections.abc import Callable

from torch import nn

from proxyless_nas.described.initial import last_name
from proxyless_nas.described.values import Values
from proxyless_nas.files import did_you_mean

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "elu": nn.ELU,
    "hardsigmoid": nn.Hardsigmoid,
    "hardswish": nn.Hardswish,
    "leaky_relu": lambda: nn.LeakyReLU(0.2),
    "relu": nn.ReLU,
    "relu6": nn.ReLU6,
    "sigmoid": nn.Sigmoid,
    "softmax": lambda: nn.Softmax(1),
    "swish": nn.SiLU,
    "tanh": nn.Tanh,
}
ACTIVATION = "activation_fn"


def activation(values: Values, key: str, default: str | None) -> nn.Module | None:
    """The module that the key names, or none; ValueError for a name that is not known."""
    name = last_name(values.raw(key, default))
    if name is None:
        return None
    if not isinstance(name, str) or name not in ACTIVATIONS:
        hint = did_you_mean(str(name), list(ACTIVATIONS))
        values.refuse(key, f"no activation {name!r}{hint}; there are {', '.join(ACTIVATIONS)}")
    return ACTIVATIONS[name]()
