"""One layer as narrower ones in a row: singular values for matrices, Tucker-2 for convolutions."""

from collections import OrderedDict
from typing import Any

import torch
from torch import Tensor, nn

from compression.low_rank.ranks import AnyRank


@torch.no_grad()
def factored(layer: nn.Linear | nn.Conv2d, rank: AnyRank, sweeps: int = 0) -> nn.Sequential:
    """`down`, and `up` with the bias; for kernels above 1x1 `core` between them.

    A matrix becomes the nearest one of its rank (Eckart & Young 1936). A convolution with larger
    kernels, of one group, is Tucker-2 (Kim et al. 2016): `core` has its kernels, between fewer
    channels, the leading ones of both sides (HOSVD); each of the `sweeps` fits each side anew to
    the other (HOOI, De Lathauwer et al. 2000). `down` of a 1x1 convolution strides, so that what is
    left out is not computed. Where the layer is in memory, its numbers and learns or not is kept.
    """
    weight = layer.weight.detach().cpu().double()
    parts: dict[str, nn.Linear | nn.Conv2d]
    if isinstance(layer, nn.Linear):
        up, down = _matrix_factors(weight, rank)
        parts = {"down": _linear(down), "up": _linear(up, layer.bias)}
    elif weight[0, 0].numel() == 1:
        up, down = _matrix_factors(weight.flatten(1), rank)
        parts = {"down": _conv(_1x1(down), **_spread(layer)), "up": _conv(_1x1(up), layer.bias)}
    else:
        up, core, down = _tucker_factors(weight, rank, sweeps)
        parts = {
            "down": _conv(_1x1(down)),
            "core": _conv(core, **_spread(layer)),
            "up": _conv(_1x1(up), layer.bias),
        }
    for part in parts.values():
        part.weight = nn.Parameter(_like(part.weight, layer.weight), layer.weight.requires_grad)
    return nn.Sequential(OrderedDict(parts)).train(layer.training)


def weights_of(made: nn.Sequential) -> list[Tensor]:
    """Of the narrow layers, from the input on."""
    return [part.get_parameter("weight").detach() for part in made]


def whole(made: nn.Sequential) -> Tensor:
    """The weight of the one layer that does the same, in float64 on the CPU."""
    weights = [weight.cpu().double() for weight in weights_of(made)]
    if len(weights) == 3:
        down, core, up = weights
        return torch.einsum("or,rskl,si->oikl", up.flatten(1), core, down.flatten(1))
    down, up = weights
    return (up.flatten(1) @ down.flatten(1)).reshape(len(up), *down.shape[1:])


def _matrix_factors(matrix: Tensor, rank: AnyRank) -> tuple[Tensor, Tensor]:
    """(up [m, r], down [r, n]) of an m x n matrix; each has the roots of the singular values."""
    left, values, right = torch.linalg.svd(matrix, full_matrices=False)
    count = rank.of(values, max(matrix.shape))
    roots = values[:count].sqrt()
    return left[:, :count] * roots, right[:count] * roots[:, None]


def _tucker_factors(weight: Tensor, rank: AnyRank, sweeps: int) -> tuple[Tensor, Tensor, Tensor]:
    """(up [o, r], core [r, s, h, w], down [s, i]); up and down have orthonormal channels."""
    outputs, inputs = (_basis(weight, axis, rank) for axis in (0, 1))
    for _ in range(sweeps):
        outputs = _basis(torch.einsum("oikl,is->oskl", weight, inputs), 0, outputs.shape[1])
        inputs = _basis(torch.einsum("oikl,or->rikl", weight, outputs), 1, inputs.shape[1])
    core = torch.einsum("oikl,or,is->rskl", weight, outputs, inputs)
    return outputs, core, inputs.T


def _basis(weight: Tensor, axis: int, rank: AnyRank | int) -> Tensor:
    """[size of `axis`, rank]: what most of a weight is made of along an axis."""
    matrix = weight.movedim(axis, 0).flatten(1)
    left, values, _ = torch.linalg.svd(matrix, full_matrices=False)
    return left[:, : rank if isinstance(rank, int) else rank.of(values, max(matrix.shape))]


def _spread(layer: nn.Conv2d) -> dict[str, Any]:
    names = ("stride", "padding", "dilation", "padding_mode")
    return {name: getattr(layer, name) for name in names}


def _1x1(matrix: Tensor) -> Tensor:
    return matrix[:, :, None, None]


def _linear(weight: Tensor, bias: Tensor | None = None) -> nn.Linear:
    made = nn.Linear(*weight.T.shape, bias=False, device="meta")
    made.weight, made.bias = nn.Parameter(weight), bias  # pyright: ignore
    return made


def _conv(weight: Tensor, bias: Tensor | None = None, **how: Any) -> nn.Conv2d:
    out, taken, *kernel = weight.shape
    made = nn.Conv2d(taken, out, tuple(kernel), bias=False, device="meta", **how)  # pyright: ignore
    made.weight, made.bias = nn.Parameter(weight), bias  # pyright: ignore
    return made


def _like(tensor: Tensor, other: Tensor) -> Tensor:
    """`tensor` of the kind, on the device and in the order of memory of another."""
    last = other.ndim == 4 and other.is_contiguous(memory_format=torch.channels_last)
    form = torch.channels_last if last else torch.contiguous_format
    return tensor.to(other).contiguous(memory_format=form)
