"""Heads: what gives an answer in the middle of a network, and where they can stand."""

from collections.abc import Callable, Sequence

import torch
from msgspec import Struct
from torch import Tensor, nn

from compression.channels.cut import noise
from proxyless_nas.blocks import BatchNorm, Classifier, Conv
from proxyless_nas.counting import in_eval_mode
from proxyless_nas.files import did_you_mean
from proxyless_nas.hooks import hooked
from proxyless_nas.layer import Shape
from proxyless_nas.network import init_weights
from proxyless_nas.seeds import seeded


class Exit(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A head behind the part of a network with this name, whose output must be [B, C, H, W].

    Average over space, one linear map; `width` puts a 3x3 convolution to so many channels, with
    batch norm and ReLU, before.
    """

    behind: str
    width: int | None = None

    def __post_init__(self) -> None:
        if self.width is not None and self.width < 1:
            raise ValueError(f"a head cannot have {self.width} channels")


class Head(nn.Sequential):
    """[B, *shape] -> [B, classes]."""

    def __init__(self, shape: Shape, classes: int, width: int | None) -> None:
        super().__init__()
        norm = BatchNorm()
        if width is not None:
            conv = Conv(width, 3, activation="relu")
            self.conv = conv.build(shape, norm)
            shape = conv.output(shape)
        self.classifier = Classifier(classes).build(shape, norm)
        init_weights(self)


class Heads(nn.ModuleList):
    """All heads of a network. An nn.Sequential that they stand in, and that calls all it has, must
    not notice: they pass on what they are given.
    """

    def forward(self, x: Tensor) -> Tensor:
        return x


def fresh_heads(network: nn.Module, shape: Shape, exits: Sequence[Exit], seed: int) -> Heads:
    """A head for each of `exits`, where the network is; it is run once on images of `shape`.

    ValueError where they cannot stand there: it says which.
    """
    must_be_apart([one.behind for one in exits])
    maps, classes = _seen(network, shape, [one.behind for one in exits])
    with seeded(seed):
        heads = [Head(map_, classes, one.width) for map_, one in zip(maps, exits, strict=True)]
    return Heads(heads).to(next(network.parameters()).device)


def must_be_apart(names: Sequence[str]) -> None:
    """ValueError for no exit, two behind one part, and one behind a part of another's."""
    if not names:
        raise ValueError("no exits: name at least one")
    for number, name in enumerate(names):
        if name in names[:number]:
            raise ValueError(f"two exits stand behind {name}")
        for other in names:
            if name.startswith(f"{other}."):
                raise ValueError(f"{name} is a part of {other}: put an exit behind one of them")


@torch.no_grad()
def _seen(network: nn.Module, shape: Shape, names: Sequence[str]) -> tuple[list[Shape], int]:
    """The shapes of what the named parts give, without the batch, and the number of classes."""
    parts = dict(network.named_modules())
    for name in names:
        if name not in parts or not name:
            hint = did_you_mean(name, [*parts][1:])
            raise ValueError(f"no part of the network is named {name!r}{hint}")
    found: dict[str, list[object]] = {}

    def keep(name: str) -> Callable[[nn.Module, tuple[object, ...], object], None]:
        return lambda _, inputs, output: found.setdefault(name, []).append(output)

    handles = [parts[name].register_forward_hook(keep(name)) for name in names]
    with hooked(handles), in_eval_mode(network):
        logits = network(noise(shape, network))
    if not isinstance(logits, Tensor) or logits.ndim != 2:
        raise ValueError(f"a {type(network).__name__} does not answer with [B, classes]")
    for name in names:
        outputs = found.get(name, [])
        if len(outputs) != 1:
            raise ValueError(f"{name} is called {len(outputs)} times for an image, not once")
        (output,) = outputs
        if not isinstance(output, Tensor) or output.ndim != 4:
            told = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
            raise ValueError(f"an exit needs [B, C, H, W], but {name} gives {told}")
    if list(found) != list(names):
        raise ValueError(f"images pass {', '.join(found)} in this order: name exits so")
    return [Shape(*outputs[0].shape[1:]) for outputs in found.values()], logits.shape[1]  # type: ignore[attr-defined]
