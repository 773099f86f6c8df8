"""The description of a network of ours whose channels were removed: still one currency."""

from collections.abc import Mapping

import torch
from msgspec.structs import replace
from torch import nn

from proxyless_nas.network import NetworkSpec
from proxyless_nas.subject import Subject

Shapes = Mapping[str, tuple[int, ...]]
"""Of tensors, by their names."""
OWN = (".weight", ".parametrizations.weight.original")
AT = tuple(f"{inside}{own}" for inside in ("", ".conv") for own in OWN)
"""Where the weight of a layer stands: below its name, under a quantizer, inside of a gate."""


def described(spec: NetworkSpec, smaller: nn.Module) -> NetworkSpec:
    """What `spec` became: the description whose module takes the weights of `smaller`.

    ValueError where no description does: blocks write down some widths once that could have come
    apart, trees cannot lose channels, and no block has layers of low rank.
    """
    if _first_difference(spec, smaller) is None:
        return spec
    found = spec.with_widths(_widths(spec, shapes_of(smaller)))
    difference = _first_difference(found, smaller)
    if difference is not None:
        raise ValueError(f"no description fits what is left of {spec.name}: {difference}")
    return found


def narrowed(subject: Subject, shapes: Shapes) -> Subject:
    """`subject` with as many channels as the tensors of a network that began as it, which may have
    quantizers or gates by now; itself where it has no description, or one that cannot say so.

    Whether it is the network without those is for the caller to compare.
    """
    if subject.spec is None:
        return subject
    try:
        return replace(subject, spec=subject.spec.with_widths(_widths(subject.spec, shapes)))
    except ValueError:
        return subject


def _widths(spec: NetworkSpec, shapes: Shapes) -> dict[str, int]:
    """By layer of the description, how many channels it makes: as many as the first axis of its
    weight says, wherever that stands now; what is not there, or has no weight, as described."""
    found: dict[str, int] = {}
    for layer in spec.layers():
        if layer.kind != "norm":
            places = [shapes[f"{layer.name}{at}"] for at in AT if f"{layer.name}{at}" in shapes]
            found[layer.name] = places[0][0] if places else layer.output.channels
    return found


def shapes_of(module: nn.Module) -> Shapes:
    """The shapes of all tensors that its state holds."""
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
