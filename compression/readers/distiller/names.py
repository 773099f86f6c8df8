"""What Distiller calls the tensors and layers of a network, and what they are called here."""

from collections.abc import Iterable

import torch
from msgspec import Struct
from torch import nn

from compression.channels.cut import noise
from compression.channels.groups import Channels
from compression.quantizers.fold import norms_behind
from compression.quantizers.place import quantizable
from compression.readers.names import channels_of, near
from compression.selectors import Where
from proxyless_nas.language.values import Place
from proxyless_nas.parameters import own_parameters
from proxyless_nas.subject import Subject
from proxyless_nas.upstream.names import NAMINGS


class Tensor(Struct, frozen=True):
    """A parameter: its layer here, and what the layer calls it."""

    layer: str
    own: str

    @property
    def role(self) -> str:
        """Weight or bias; something else is out of a recipe's reach."""
        return next((role for role in ("weight", "bias") if self.own.startswith(role)), self.own)


class Names:
    """Both vocabularies of one network."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        with torch.device("meta"):
            network = subject.build()
        modules = dict(network.named_modules())
        theirs = {name: name for name in modules if name}
        for naming in NAMINGS if subject.spec is not None else ():
            found = None if subject.spec is None else naming.modules(subject.spec)
            theirs |= {} if found is None else {their: our for our, their in found.items()}
        self._layers = theirs
        self._tensors = {
            f"{their}.{own}": Tensor(our, own)
            for their, our in theirs.items()
            for own, _ in own_parameters(modules[our])
        }
        self._usual = {tensor: name for name, tensor in self._tensors.items()}
        self._channels: Channels | None = None
        self._computing: list[tuple[str, set[str]]] | None = None

    def tensor(self, name: str, place: Place) -> Tensor:
        """The parameter that goes by a name there. ValueError with the nearest ones."""
        plain = normalised(name)
        if plain not in self._tensors:
            raise ValueError(
                f"{place}: {self.subject.name} has no parameter {name}{near(plain, self._tensors)}"
            )
        return self._tensors[plain]

    def layer(self, name: str, place: Place) -> str:
        """The layer with a weight that goes by a name there. ValueError with the nearest ones."""
        plain = normalised(name)
        weighty = {tensor.layer for tensor in self._usual if tensor.role == "weight"}
        known = {their: our for their, our in self._layers.items() if our in weighty}
        if plain not in known:
            reason = f"{self.subject.name} has no layer {name} with a weight{near(plain, known)}"
            raise ValueError(f"{place}: {reason}")
        return known[plain]

    def named(self, tensor: Tensor) -> str:
        """What Distiller calls a parameter, without `module.`."""
        return self._usual[tensor]

    def everything(self) -> list[Tensor]:
        """All weights and biases, each once."""
        return [one for one in dict.fromkeys(self._tensors.values()) if one.role in ROLES]

    def computing(self) -> list[tuple[str, set[str]]]:
        """Convolutions and linear maps in the network's order, with their names in Distiller."""
        if self._computing is None:
            network = self.subject.build(seed=0)
            self._computing = [
                (our, {their for their, one in self._layers.items() if one == our})
                for our in quantizable(network, self.subject.input)
            ]
        return self._computing

    def layers(self) -> list[str]:
        """All names of layers in both vocabularies."""
        return list(self._layers)

    def channels(self) -> Channels:
        """Which channels leave together."""
        if self._channels is None:
            self._channels = channels_of(self.subject)
        return self._channels

    def norms(self) -> set[str]:
        """Layers into which a batch norm behind them can be folded."""
        network: nn.Module = self.subject.build(seed=0).eval()
        return {layer for layer, _ in norms_behind(network, noise(self.subject.input, network))}


ROLES = ("weight", "bias")


def normalised(name: str) -> str:
    """Without the `module` that a parallel wrapper adds somewhere on the way."""
    return ".".join(part for part in name.split(".") if part != "module")


def wheres(tensors: Iterable[Tensor]) -> list[Where]:
    """Selectors that name just these tensors: for weights, for biases, and for each RNN."""
    names: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    several: dict[str, list[str]] = {}
    for one in tensors:
        if one.own in ROLES:
            names.setdefault((one.role, ()), []).append(one.layer)
        else:
            several.setdefault(one.layer, []).append(one.own)
    for layer, own in several.items():
        for role in ROLES:
            mine = tuple(name for name in own if name.startswith(role))
            if mine:
                names.setdefault((role, mine), []).append(layer)
    return [
        Where(name=_one_or_all(layers), role=role, tensor=_one_or_all(own))  # pyright: ignore[reportArgumentType]
        for (role, own), layers in names.items()
    ]


def _one_or_all(names: Iterable[str]) -> str | tuple[str, ...]:
    found = tuple(names)
    return found[0] if len(found) == 1 else found
