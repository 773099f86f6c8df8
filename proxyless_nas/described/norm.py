"""Batch norm with the parameters that a file asks for."""

import torch
from torch import nn

from proxyless_nas.described.initial import last_name
from proxyless_nas.described.values import Values
from proxyless_nas.language.values import Map

NORM = "normalizer_fn"
NORM_VALUES = "normalizer_params"
UNUSED = ("is_training", "fused", "updates_collections", "trainable", "param_initializers",
          "zero_debias_moving_mean")  # fmt: skip


def norm_of(values: Values, channels: int) -> nn.BatchNorm2d | None:
    """The batch norm behind a layer, where `normalizer_fn` names one.

    Its parameters are in `normalizer_params`, or beside the type of a map.
    """
    given, more = values.raw(NORM), values.raw(NORM_VALUES)
    if given is None:
        return None
    own = Map(given.lines()) if isinstance(given, Map) else Map()
    kind = last_name(own.pop("type", None) if isinstance(given, Map) else given)
    if kind not in ("batch_norm", "batch_normalization"):
        values.refuse(NORM, f"{kind!r} is not known here; there is batch_norm")
    if isinstance(more, Map):
        for key, value, place in more.lines():
            own.put(key, value, place)
    inner = Values(own, (*values.path, NORM_VALUES), values.place)
    norm = batch_norm(inner, channels)
    inner.nothing_else()
    return norm


def batch_norm(values: Values, channels: int) -> nn.BatchNorm2d:
    """`decay`, `epsilon` as in TensorFlow; `center` adds a bias, `scale` (if asked) multiplies."""
    for key in UNUSED:
        values.raw(key)
    decay, epsilon = values.number("decay", 0.999), values.number("epsilon", 0.001)
    centre, scale = values.truth("center", True), values.truth("scale", False)
    norm = nn.BatchNorm2d(channels, eps=epsilon, momentum=1 - decay)
    for wanted, name in ((scale, "weight"), (centre, "bias")):
        if not wanted:
            fixed = torch.ones(channels) if name == "weight" else torch.zeros(channels)
            delattr(norm, name)
            norm.register_buffer(name, fixed)
    return norm
