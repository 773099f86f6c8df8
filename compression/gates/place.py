"""Put gates into a network, in the place of convolutions with batch norms, and find them there."""

from collections.abc import Sequence
from copy import deepcopy
from typing import Literal

import torch
from msgspec import Struct
from torch import Tensor, nn

from compression.channels.cut import TOLERANCE, differing, noise
from compression.gates.layer import GatedConvolution, scale_of
from compression.gates.saliency import Pool
from compression.replacing import put
from proxyless_nas.counting import in_eval_mode
from proxyless_nas.hooks import hooked
from proxyless_nas.layer import Shape
from proxyless_nas.seeds import seeded

Start = Literal["truncated-normal", "kaiming"]
Bias = Literal["scale", "one"]


class Gate(Struct, frozen=True, forbid_unknown_fields=True):
    """Where a gate stands: the batch norm behind its convolution; and how it pools."""

    norm: str
    pool: Pool


class Gates(Struct, frozen=True, forbid_unknown_fields=True):
    """Which convolutions of a network are gated, by name: enough to gate them anew."""

    layers: dict[str, Gate]

    @staticmethod
    def of(network: nn.Module) -> "Gates":
        """Those that stand in a network."""
        return Gates(
            {name: Gate(one.behind, one.saliency.pool) for name, one in gates_of(network).items()}
        )

    def put_into(self, network: nn.Module) -> dict[str, GatedConvolution]:
        """The gates, by name; their saliency is that of fresh weights.

        The convolution then stands below its own name, as `conv`, and nothing where its norm was.
        ValueError names the layer where a gate cannot stand.
        """
        placed: dict[str, GatedConvolution] = {}
        for name, how in self.layers.items():
            conv, norm = network.get_submodule(name), network.get_submodule(how.norm)
            assert isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d)
            try:
                placed[name] = GatedConvolution(conv, norm, how.norm, how.pool)
            except ValueError as error:
                raise ValueError(f"{name} {error}: exclude it") from error
            put(network, conv, placed[name])
            put(network, norm, nn.Identity())
        return placed


def gates_of(network: nn.Module) -> dict[str, GatedConvolution]:
    """The gated layers of a network, by name."""
    return {
        name: part for name, part in network.named_modules() if isinstance(part, GatedConvolution)
    }


def must_be_ungated(network: nn.Module, instead: str) -> None:
    """ValueError, with what to do `instead`, where an earlier step has put gates in."""
    if gates_of(network):
        raise ValueError(f"an earlier step puts gates into the network: {instead}")


@torch.no_grad()
def norms_of(network: nn.Module, layers: Sequence[str], x: Tensor) -> dict[str, str]:
    """By convolution, the batch norm that takes what it makes, as the network takes `x`.

    ValueError for a layer that is no convolution, that is not called once, or whose output no batch
    norm takes.
    """
    names = {part: name for name, part in network.named_modules()}
    made: dict[str, Tensor] = {}
    calls: list[str] = []
    found: dict[str, str] = {}

    def called(part: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        calls.append(names[part])
        if isinstance(part, nn.Conv2d):
            made[names[part]] = output
            return
        for conv, before in made.items():
            if before is inputs[0]:
                found[conv] = names[part]

    for name in layers:
        part = network.get_submodule(name)
        if not isinstance(part, nn.Conv2d):
            raise ValueError(
                f"{name} is a {type(part).__name__}: gates stand at convolutions with a batch "
                "norm, exclude it"
            )
    kinds = (nn.Conv2d, nn.BatchNorm2d)
    handles = [part.register_forward_hook(called) for part in names if isinstance(part, kinds)]
    with hooked(handles), in_eval_mode(network):
        network(x)
    for name in layers:
        if name not in found:
            raise ValueError(f"no batch norm takes what {name} makes: exclude it")
        for one in (name, found[name]):
            if calls.count(one) != 1:
                raise ValueError(f"{one} is called {calls.count(one)} times: exclude {name}")
    return {name: found[name] for name in layers}


@torch.no_grad()
def gate(
    network: nn.Module,
    shape: Shape,
    layers: Sequence[str],
    pool: Pool = "avg",
    start: Start = "truncated-normal",
    deviation: float = 0.05,
    bias: Bias = "scale",
    seed: int = 0,
) -> dict[str, GatedConvolution]:
    """Put gates at these convolutions of `network` itself; all channels are active yet.

    Weights W of the saliency are drawn from `seed`: normal with a `deviation`, cut at two of them,
    or after He et al. 2015 (Kaiming); its biases b begin as the sizes of the batch norm's scales,
    or as 1. ValueError where a gate cannot stand, and where the network would answer otherwise with
    W = 0 and the scales as b, because something else takes what such a layer makes.
    """
    inside = {one for part in gates_of(network).values() for one in part.modules()}
    for name in layers:
        if network.get_submodule(name) in inside:
            raise ValueError(f"{name} is part of a gate that an earlier step puts in: exclude it")
    x = noise(shape, network)
    before = deepcopy(network)
    norms = norms_of(network, layers, x)
    scales = {}
    for name, behind in norms.items():
        norm = network.get_submodule(behind)
        assert isinstance(norm, nn.BatchNorm2d)
        scales[name] = scale_of(norm).abs()
    placed = Gates({name: Gate(norm, pool) for name, norm in norms.items()}).put_into(network)
    for name, one in placed.items():
        one.saliency.predict.weight.zero_()
        one.saliency.predict.bias.copy_(scales[name])
    difference = differing(before, network, x)
    if not difference <= TOLERANCE:
        raise ValueError(
            "with gates that let everything pass the network answers differently, by "
            f"{difference:.1e} of its largest number: something else takes what a gated "
            "convolution makes; exclude it"
        )
    with seeded(seed):
        for one in placed.values():
            _draw(one.saliency.predict, start, deviation, bias)
    return placed


def _draw(predict: nn.Linear, start: Start, deviation: float, bias: Bias) -> None:
    fresh = torch.empty(predict.weight.shape)
    if start == "kaiming":
        nn.init.kaiming_normal_(fresh, nonlinearity="relu")
    elif deviation:
        nn.init.trunc_normal_(fresh, std=deviation, a=-2 * deviation, b=2 * deviation)
    else:
        fresh.zero_()
    predict.weight.copy_(fresh)
    if bias == "one":
        predict.bias.fill_(1.0)


def let_skip(network: nn.Module, skips: bool = True) -> nn.Module:
    """`network` itself, whose gated layers compute only active channels of a single image.

    How much they compute depends on the image: no exporter can trace them then.
    """
    for one in gates_of(network).values():
        one.skips = skips
    return network
