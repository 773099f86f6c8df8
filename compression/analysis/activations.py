"""Statistics of what layers answer, seen over some images: how large, and how often zero."""

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable

import torch
from msgspec import Struct
from torch import Tensor, nn

from compression.analysis.tables import part_of
from compression.channels.layers import CONVOLUTIONS, PER_CHANNEL, PER_NUMBER, SILENT, TRANSPOSED
from compression.selectors import Where
from proxyless_nas.counting import in_eval_mode
from proxyless_nas.drawing.tables import table_lines
from proxyless_nas.hooks import hooked
from training.datasets import Batch

ACTIVATIONS = (*(kind for kind in PER_NUMBER if kind not in SILENT), nn.PReLU)
USUAL = (*CONVOLUTIONS, *TRANSPOSED, nn.Linear, *PER_CHANNEL, *ACTIVATIONS)
"""Layers that are looked at where nothing else is asked for."""
AXIS_1 = (*CONVOLUTIONS, *TRANSPOSED, *PER_CHANNEL)
AXIS_LAST = (nn.Linear, nn.LayerNorm)
"""Where the channels of an answer lie; elsewhere they lie as in the layer called before."""
HEAD = ("Layer", "Type", "Output", "Mean", "Std", "Min", "Max", "Zeros (%)", "L1 per channel")
LEFT = 2  # columns of words
EXACT = torch.float64


class Layered(Struct, frozen=True):
    """What one call of a layer answered, over all images: what a line of a CSV file holds."""

    layer: str
    type: str
    call: int
    """1 for the first time that it is called for an image, 2 for the second."""
    shape: tuple[int, ...]
    """Of the answer for one image."""
    mean: float
    std: float
    least: float
    most: float
    zeros: float
    """The share of the numbers that are zero, 0 to 1: APoZ (Hu et al. 2016, equation 1)."""
    l1: float
    """The sum of the sizes of a channel's numbers, mean over channels and images."""


class Activation(Layered, frozen=True):
    """The same with its channels apart."""

    channel_means: tuple[float, ...]
    channel_zeros: tuple[float, ...]
    channel_l1: tuple[float, ...]


class Activations(Struct, frozen=True):
    """Those of a network, in the order of the calls, over so many images."""

    network: str
    images: int
    layers: tuple[Activation, ...]


def looked_at(network: nn.Module, where: Where) -> list[str]:
    """Names of the layers that fit; without types and names, those of the `USUAL` types.

    ValueError where nothing fits, and where a name or a type fits nothing in the network.
    """
    chosen = bool(where.type or where.name)
    return [
        name
        for name in where.parts(network)
        if chosen or isinstance(network.get_submodule(name), USUAL)
    ]


@torch.no_grad()
def activations_of(
    name: str, network: nn.Module, layers: Collection[str], batches: Iterable[Batch]
) -> Activations:
    """Run a network of this name over batches of ([B, C, H, W], [B]) and watch some layers.

    It runs in eval mode; hooks are removed and modes restored whatever happens. Layers that are
    not called are left out. ValueError where there are no images, or where a layer answers with
    something else than one tensor of floats for a batch.
    """
    watch = _Watch(set(layers))
    handles = [
        part.register_forward_hook(watch.hook(place, part))
        for place, part in network.named_modules()
        if place in watch.layers or isinstance(part, AXIS_1 + AXIS_LAST)
    ]
    images = 0
    with hooked(handles), in_eval_mode(network):
        for x, _ in batches:
            watch.begin()
            network(x)
            images += len(x)
    if not images:
        raise ValueError("there are no images to look at")
    return Activations(name, images, tuple(one.told() for one in watch.sums.values()))


def activation_lines(found: Activations) -> tuple[str, ...]:
    """A table for a terminal."""
    rows = [
        [
            one.layer if one.call == 1 else f"{one.layer} ({one.call})",
            one.type,
            part_of(one.shape),
            *(f"{number:.4g}" for number in (one.mean, one.std, one.least, one.most)),
            f"{100 * one.zeros:.2f}",
            f"{one.l1:.4g}",
        ]
        for one in found.layers
    ]
    return table_lines(HEAD, rows, LEFT)


def without_channels(found: Activations) -> list[Layered]:
    """One row per layer."""
    kept = Layered.__struct_fields__
    return [Layered(*(getattr(one, field) for field in kept)) for one in found.layers]


class _Watch:
    """What is seen of some layers."""

    def __init__(self, layers: set[str]) -> None:
        self.layers = layers
        self.sums: dict[tuple[str, int], _Sums] = {}
        self._calls = Counter[str]()
        self._axis = 1

    def begin(self) -> None:
        """Other images follow."""
        self._calls.clear()

    def hook(self, name: str, part: nn.Module) -> Callable[[nn.Module, object, object], None]:
        """What sees the answers of a layer."""

        def seen(_: nn.Module, __: object, y: object) -> None:
            if isinstance(part, AXIS_1):
                self._axis = 1
            elif isinstance(part, AXIS_LAST):
                self._axis = -1
            if name not in self.layers:
                return
            if not isinstance(y, Tensor) or not y.is_floating_point() or y.ndim < 2:
                raise ValueError(f"{name} does not answer with one tensor [B, ...]: exclude it")
            self._calls[name] += 1
            key = (name, self._calls[name])
            if key not in self.sums:
                self.sums[key] = _Sums(name, type(part).__name__, self._calls[name])
            self.sums[key].add(y, self._axis)

        return seen


class _Sums:
    """Moments of all numbers that one call of a layer answered, channel by channel, in float64."""

    def __init__(self, layer: str, type: str, call: int) -> None:
        self._layer, self._type, self._call = layer, type, call
        self._shape = tuple[int, ...]()
        self._images = self._count = 0  # the count is that of the numbers of one channel
        self._least, self._most = math.inf, -math.inf
        self._mean = self._squares = self._sizes = self._zeros = torch.zeros((), dtype=EXACT)

    def add(self, y: Tensor, axis: int) -> None:
        """Answers [B, ...] whose channels lie along `axis`; moments are joined as by Chan 1983."""
        axes = tuple(each for each in range(y.ndim) if each != axis % y.ndim)
        count = y.numel() // y.shape[axis]
        variance, mean = (one.to("cpu", EXACT) for one in torch.var_mean(y, axes, correction=0))
        apart, whole = mean - self._mean, self._count + count
        self._squares = self._squares + count * (variance + apart**2 * self._count / whole)
        self._mean = self._mean + apart * count / whole
        self._sizes = self._sizes + torch.linalg.vector_norm(y, 1, axes, dtype=EXACT).cpu()
        self._zeros = self._zeros + (y == 0).sum(axes).cpu()
        self._shape = tuple(y.shape[1:])
        self._images, self._count = self._images + len(y), whole
        self._least = min(self._least, float(y.min()))
        self._most = max(self._most, float(y.max()))

    def told(self) -> Activation:
        """What the moments say."""
        mean, zeros, l1 = self._mean.mean(), self._zeros / self._count, self._sizes / self._images
        variance = (self._squares / self._count + (self._mean - mean) ** 2).mean()
        return Activation(
            layer=self._layer,
            type=self._type,
            call=self._call,
            shape=self._shape,
            mean=float(mean),
            std=math.sqrt(float(variance)),
            least=self._least,
            most=self._most,
            zeros=float(zeros.mean()),
            l1=float(l1.mean()),
            channel_means=tuple(self._mean.tolist()),
            channel_zeros=tuple(zeros.tolist()),
            channel_l1=tuple(l1.tolist()),
        )
