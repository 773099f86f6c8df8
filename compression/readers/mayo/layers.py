"""Mayo's names of layers and their tensors, and the modules of a network that they are here."""

import torch
from torch import Tensor, nn

from compression.channels.groups import Channels
from compression.overriders import Of
from compression.readers.names import channels_of, near
from proxyless_nas.language.config import Config
from proxyless_nas.language.values import Place
from proxyless_nas.subject import Subject

HELD: dict[str, tuple[Of, Of]] = {
    "weights": ("weight", "weight-gradient"),
    "depthwise_weights": ("weight", "weight-gradient"),
    "biases": ("bias", "bias-gradient"),
}
"""Tensors that layers hold: what they, and their slopes, are called here."""
FLOWS: dict[str, Of] = {"activation": "output", "gradient.error": "error"}
INNER = ("conv", "linear", "norm", "activation", "pad")
"""What the parts of a described layer are called."""
Computing = nn.Conv2d | nn.Linear


class Layers:
    """The layers of one network."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        with torch.device("meta"):
            network = subject.build()
        self._parts = {name: part for name, part in network.named_modules() if name}
        self._channels: Channels | None = None

    def built(self, name: str, place: Place) -> bool:
        """Whether the network has a layer; False for one that is described but leads nowhere.

        ValueError with FILE:LINE and the nearest names for one that is neither.
        """
        if name in self._parts:
            return True
        described = self.subject.described
        text = "" if described is None else described.text
        if f"model.layers.{name.replace('.', '.layers.')}" in Config().with_text(text):
            return False
        hint = near(name, self.names())
        raise ValueError(f"{place}: {self.subject.name} has no layer {name}{hint}")

    def names(self) -> list[str]:
        """What Mayo calls the layers."""
        return [one for one in self._parts if one.rpartition(".")[2] not in INNER]

    def computing(self, name: str, place: Place) -> tuple[str, Computing] | None:
        """The convolution or linear map of a layer, and its name here; None where it has none.

        ValueError with FILE:LINE for a module with several.
        """
        found = [
            (f"{name}.{own}".removesuffix("."), part)
            for own, part in self._parts[name].named_modules()
            if isinstance(part, Computing)
        ]
        if len(found) > 1:
            raise ValueError(f"{place}: {name} has several layers with weights: name one of them")
        return found[0] if found else None

    def of(self, name: str, key: str, place: Place) -> tuple[Of, str] | None:
        """What a key of `overrider` is about: what is overridden, and of which module.

        None where the layer has no such tensor. ValueError as for `computing`.
        """
        if key in FLOWS:
            return FLOWS[key], self._end(name)
        held = key.removeprefix("gradient.")
        found = self.computing(name, place)
        if found is None:
            return None
        own, part = found
        if (held == "biases" and part.bias is None) or (
            held != "biases" and (held == "depthwise_weights") != _depthwise(part)
        ):
            return None
        tensor, slope = HELD[held]
        return tensor if held == key else slope, own

    def _end(self, name: str) -> str:
        """The part out of which flows what flows out of a layer: of a row of parts the last."""
        part = self._parts[name]
        if not isinstance(part, nn.Sequential) or not len(part):
            return name
        return self._end(f"{name}.{list(part._modules)[-1]}")

    def weight(self, name: str) -> Tensor | None:
        """[outputs, inputs, ...]: what the convolution or linear map of that name holds."""
        part = self._parts[name]
        return part.weight if isinstance(part, Computing) else None

    def scale(self, name: str) -> str | None:
        """The batch norm of a layer, where it has one that learns a scale."""
        for own, part in self._parts[name].named_modules():
            if isinstance(part, nn.BatchNorm2d) and isinstance(part.weight, nn.Parameter):
                return f"{name}.{own}".removesuffix(".")
        return None

    def normed(self, name: str) -> bool:
        """Whether a layer has a batch norm."""
        return any(isinstance(part, nn.BatchNorm2d) for part in self._parts[name].modules())

    def channels(self) -> Channels:
        """Which channels leave together."""
        if self._channels is None:
            self._channels = channels_of(self.subject)
        return self._channels


def _depthwise(part: Computing) -> bool:
    return isinstance(part, nn.Conv2d) and 1 < part.groups == part.in_channels
