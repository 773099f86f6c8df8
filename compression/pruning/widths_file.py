"""widths.json: which channels `prune` has taken from which groups, and the network without them."""

from pathlib import Path

from msgspec import Struct
from torch import nn

from compression.channels.cut import Chosen, noise, removed
from compression.channels.groups import Channels
from compression.pruning.config import Pruning
from compression.pruning.whole import channels_of
from compression.sensitivity.loop import digest_of
from proxyless_nas.files import read_json
from proxyless_nas.layer import Shape
from proxyless_nas.subject import Subject
from proxyless_nas.weights import load_weights
from training.config import TrainConfig
from training.prepare import first_network

WIDTHS, REPAIRED = "widths.json", "repaired.pt"


class Narrowed(Struct, frozen=True, forbid_unknown_fields=True):
    """A group, by the layers that make its channels, and which of them it has lost."""

    makers: tuple[str, ...]
    width: int
    gone: tuple[int, ...]


class Widths(Struct, frozen=True, forbid_unknown_fields=True):
    """All groups of a network; `digest` tells its weights, `repaired` those of what is left where
    they are not the same numbers."""

    network: str
    digest: str
    groups: tuple[Narrowed, ...]
    repaired: str | None = None

    @classmethod
    def of(
        cls,
        subject: Subject,
        network: nn.Module,
        channels: Channels,
        gone: Chosen,
        repaired: nn.Module | None = None,
    ) -> "Widths":
        """What these channels being `gone` makes of a network; `repaired`: what is left, where it
        has other weights."""
        groups = (
            Narrowed(group.makers, group.width, tuple(sorted(gone.get(group.name, ()))))
            for group in channels.groups
        )
        own = None if repaired is None else digest_of(repaired, "", ())
        return cls(subject.name, digest_of(network, "", ()), tuple(groups), own)

    def thin(self, network: nn.Module, shape: Shape, channels: Channels) -> nn.Module:
        """`network` without them; ValueError where it is not the one that was pruned."""
        if digest_of(network, "", ()) != self.digest:
            raise ValueError(
                f"{WIDTHS} was made for other weights of {self.network}: give the same `weights`, "
                "or prune again"
            )
        chosen = {one.makers[0]: one.gone for one in self.groups if one.gone}
        return removed(network, channels, chosen, noise(shape, network))


def read_widths(config: Pruning) -> Widths:
    """What `prune` has left; FileNotFoundError names the command that makes it."""
    file = Path(config.out) / WIDTHS
    if not file.exists():
        raise FileNotFoundError(f"no file {file}: `python -m compression prune` writes it")
    return read_json(file, Widths)


def thinned(config: Pruning, widths: Widths, train: TrainConfig, subject: Subject) -> nn.Module:
    """The network of a config without what `prune` has taken, with its first weights or those that
    `prune` has fitted anew.

    ValueError or FileNotFoundError where the fitted ones are not those of `widths`.
    """
    network = first_network(train, subject).eval()
    thin = widths.thin(network, subject.input, channels_of(config, network, subject.input))
    if widths.repaired is not None:
        file = Path(config.out) / REPAIRED
        load_weights(thin, file)
        if digest_of(thin, "", ()) != widths.repaired:
            raise ValueError(f"{file} does not belong to {WIDTHS}: prune again")
    return thin
