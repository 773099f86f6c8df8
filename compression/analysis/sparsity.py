"""How sparse the weights of a network are: which of them are zero, alone and in whole groups."""

from collections.abc import Sequence

import torch
from msgspec import Struct
from torch import Tensor, nn

from compression.analysis.tables import part_of
from proxyless_nas.drawing.tables import table_lines

HEAD = ("Name", "Shape", "NNZ (dense)", "NNZ (sparse)", "Cols (%)", "Rows (%)", "Ch (%)")
HEAD += ("2D (%)", "3D (%)", "Fine (%)", "Std", "Mean", "Abs-mean")
LEFT = 2  # columns of words


class Sparsity(Struct, frozen=True):
    """One tensor with rows and columns, and the shares (0 to 1) of its parts that are all zero.

    Axis 0 of a weight are outputs, axis 1 inputs, the rest a kernel. None stands where a tensor has
    no such parts. The names are Distiller's, who thinks of a matrix as inputs times outputs.
    """

    name: str
    shape: tuple[int, ...]
    numbers: int
    nonzero: int
    columns: float | None
    """Of the outputs of a matrix."""
    rows: float | None
    """Of the inputs of a matrix."""
    channels: float | None
    """Of the inputs of a convolution."""
    kernels: float | None
    """Of the kernels of a convolution (one per output and input); of the outputs of a matrix."""
    filters: float | None
    """Of the outputs of a convolution."""
    zeros: float
    """Of the numbers."""
    std: float
    mean: float
    mean_size: float


class Sparsities(Struct, frozen=True):
    """All weights of a network, and all together."""

    network: str
    tensors: tuple[Sparsity, ...]
    numbers: int
    nonzero: int

    @property
    def zeros(self) -> float:
        """The share of all numbers that are zero."""
        return 1 - self.nonzero / self.numbers if self.numbers else 0.0


def sparsity_of(module: nn.Module) -> tuple[Sparsity, ...]:
    """All weights of a plain module that have two axes or more, in its order."""
    return tuple(
        _sparsity(name, parameter.detach())
        for name, parameter in module.named_parameters()
        if parameter.ndim > 1
    )


def sparsities(network: str, tensors: Sequence[Sparsity]) -> Sparsities:
    """The tensors of a network of this name with their sums."""
    numbers, nonzero = (sum(getattr(one, of) for one in tensors) for of in ("numbers", "nonzero"))
    return Sparsities(network, tuple(tensors), numbers, nonzero)


def told(found: tuple[Sparsity, ...]) -> str:
    """In one line."""
    whole = sparsities("", found)
    left = f"{whole.nonzero:,} of {whole.numbers:,} weights are not zero"
    return f"{left} ({1 - whole.zeros:.1%})"


def sparsity_lines(found: Sparsities) -> tuple[str, ...]:
    """A table for a terminal, with the columns and the last row of Distiller's."""
    rows = [
        [
            one.name,
            part_of(one.shape),
            f"{one.numbers:,}",
            f"{one.nonzero:,}",
            *map(_percent, (one.columns, one.rows, one.channels, one.kernels, one.filters)),
            _percent(one.zeros),
            *(f"{number:.5f}" for number in (one.std, one.mean, one.mean_size)),
        ]
        for one in found.tensors
    ]
    total = ["Total", "", f"{found.numbers:,}", f"{found.nonzero:,}", *[""] * 5]
    rows.append([*total, _percent(found.zeros), *[""] * 3])
    return table_lines(HEAD, rows, LEFT)


def _sparsity(name: str, weight: Tensor) -> Sparsity:
    taken = weight != 0
    matrix = weight.ndim == 2
    outputs, inputs = _zero(taken.flatten(1)), _zero(taken.transpose(0, 1).flatten(1))
    kernels = outputs if matrix else _zero(taken.flatten(0, 1).flatten(1))
    exact, nonzero = weight.double(), int(taken.sum())
    return Sparsity(
        name=name,
        shape=tuple(weight.shape),
        numbers=weight.numel(),
        nonzero=nonzero,
        columns=outputs if matrix else None,
        rows=inputs if matrix else None,
        channels=None if matrix else inputs,
        kernels=kernels,
        filters=None if matrix else outputs,
        zeros=1 - nonzero / weight.numel(),
        std=float(torch.std(exact, correction=min(1, weight.numel() - 1))),
        mean=float(exact.mean()),
        mean_size=float(exact.abs().mean()),
    )


def _zero(rows: Tensor) -> float:
    """The share of the rows of a bool matrix in which nothing is true."""
    return 1 - float(rows.any(dim=1).double().mean())


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.2f}"
