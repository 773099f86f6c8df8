"""Laws of factors: full rank changes nothing, and what is lost are the values that are left out."""

from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import nn

from compression.low_rank import Energy, Share, factored, weights_of, whole

pytestmark = pytest.mark.slow

FULL = Share(share=1.0)
LAYERS: dict[str, tuple[Any, tuple[int, ...]]] = {
    "linear": (lambda: nn.Linear(7, 5), (2, 7)),
    "linear without bias, over places": (lambda: nn.Linear(5, 8, bias=False), (2, 3, 5)),
    "1x1": (lambda: nn.Conv2d(6, 9, 1), (2, 6, 5, 5)),
    "1x1, strided and padded": (lambda: nn.Conv2d(6, 9, 1, 2, 1), (2, 6, 7, 8)),
    "3x3": (lambda: nn.Conv2d(6, 9, 3, 1, 1), (2, 6, 7, 7)),
    "3x3, wide apart": (
        lambda: nn.Conv2d(6, 4, 3, 2, 2, 2, bias=False, padding_mode="reflect"),
        (2, 6, 9, 9),
    ),
    "1x3, of the same size": (
        lambda: nn.Conv2d(6, 4, (1, 3), padding="same", padding_mode="circular"),
        (2, 6, 5, 5),
    ),
    "more outputs than a kernel holds numbers": (lambda: nn.Conv2d(1, 20, 3), (2, 1, 6, 6)),
}


def layer_of(name: str) -> tuple[Any, torch.Tensor]:
    torch.manual_seed(0)
    make, shape = LAYERS[name]
    return make(), torch.randn(shape)


@pytest.mark.parametrize("name", LAYERS)
def test_full_rank_answers_as_the_layer_did(name: str) -> None:
    layer, x = layer_of(name)
    made = factored(layer, FULL)
    torch.testing.assert_close(made(x), layer(x), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(whole(made), layer.weight.double(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", LAYERS)
def test_the_narrow_layers_answer_as_one_with_the_weight_that_they_stand_for(name: str) -> None:
    layer, x = layer_of(name)
    made = factored(layer, Share(share=0.4))
    assert made(x).sub(layer(x)).abs().max() > 1e-2  # something was lost
    with torch.no_grad():
        layer.weight.copy_(whole(made))
    torch.testing.assert_close(made(x), layer(x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["linear", "1x1"])
def test_what_a_matrix_loses_are_the_values_that_are_left_out(name: str) -> None:
    layer, _ = layer_of(name)
    matrix = layer.weight.detach().double().flatten(1)
    values = torch.linalg.svdvals(matrix)
    for rank in range(1, len(values) + 1):
        made = factored(layer, Share(share=rank / len(values)))
        down, up = weights_of(made)
        assert len(down) == rank == up.shape[1]
        lost = (whole(made).flatten(1) - matrix).square().sum()
        torch.testing.assert_close(lost, values[rank:].square().sum(), rtol=1e-4, atol=1e-9)


def tucker(outputs: int, inputs: int) -> nn.Conv2d:
    """A convolution [12, 10, 3, 3] whose outputs and inputs are of so few kinds."""
    chance = torch.Generator().manual_seed(0)
    core, left, right = (
        torch.randn(*size, generator=chance)
        for size in ((outputs, inputs, 3, 3), (12, outputs), (10, inputs))
    )
    layer = nn.Conv2d(10, 12, 3, padding=1)
    layer.weight.data = torch.einsum("rskl,or,is->oikl", core, left, right)
    return layer


def test_a_convolution_of_low_rank_is_found_out() -> None:
    layer, x = tucker(4, 2), torch.randn(2, 10, 6, 6, generator=torch.Generator().manual_seed(1))
    made = factored(layer, Energy(keep=1 - 1e-9))
    assert [tuple(one.shape[:2]) for one in weights_of(made)] == [(2, 10), (4, 2), (12, 4)]
    torch.testing.assert_close(made(x), layer(x), rtol=1e-4, atol=1e-4)


def test_the_error_of_tucker_lies_between_the_bounds_and_falls_with_every_sweep() -> None:
    layer, _ = layer_of("3x3")
    weight = layer.weight.detach().double()
    lost = []
    for axis in (0, 1):
        values = torch.linalg.svdvals(weight.movedim(axis, 0).flatten(1))
        lost.append(float(values[-(-len(values) // 2) :].square().sum()))
    errors = [
        float((whole(factored(layer, Share(share=0.5), sweeps)) - weight).square().sum())
        for sweeps in range(5)
    ]
    assert all(max(lost) - 1e-9 <= error <= sum(lost) for error in errors)
    assert errors[1] < errors[0]
    assert all(after <= before + 1e-9 for before, after in pairwise(errors))


@pytest.mark.parametrize("name", ["linear", "1x1", "3x3"])
def test_what_a_layer_is_besides_its_weight_is_kept(name: str) -> None:
    layer, _ = layer_of(name)
    layer.eval().to(memory_format=torch.channels_last)
    layer.weight.requires_grad_(False)
    before = torch.get_rng_state()
    made = factored(layer, Share(share=0.5))
    assert torch.equal(torch.get_rng_state(), before)
    assert made[-1].bias is layer.bias and not made.training
    for part in made:
        weight = part.weight
        assert isinstance(weight, nn.Parameter) and not weight.requires_grad
        assert weight.dtype == torch.float32
        if weight.ndim == 4:
            assert weight.is_contiguous(memory_format=torch.channels_last)
    assert all(part.bias is None for part in list(made)[:-1])
