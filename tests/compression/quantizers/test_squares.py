"""A layer's error as a polynomial of its weight is the error that images show."""

from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import nn

from compression import patches
from compression.quantizers.activations import RangeActivations
from compression.quantizers.place import Asked, quantize
from compression.quantizers.squares import squares_of

LAYERS = [
    nn.Conv2d(4, 6, 1),
    nn.Conv2d(4, 6, 3, stride=2, padding=1, bias=False),
    nn.Conv2d(4, 4, (3, 1), groups=4, dilation=(2, 1), padding="same"),
    nn.Conv2d(4, 6, 3, groups=2, padding=1, padding_mode="circular"),
    nn.Linear(8, 5),
]


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
def test_error_and_slope_are_those_of_the_answers(
    layer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patches, "NUMBERS", 2000)
    torch.manual_seed(0)
    whole = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), layer, nn.Tanh()).eval()
    network = deepcopy(whole)
    images, moved = torch.randn(70, 3, 8, 8), torch.randn(layer.weight.shape) * 0.1
    quantize(network, {"2": Asked(activations=RangeActivations(bits=3))}, [(images, images)])
    weight = torch.randn(layer.weight.shape)
    found = squares_of(network, whole, "2", weight, images)

    part: Any = network[2]
    part.weight = nn.Parameter(weight + moved)
    y = whole[:3](images).detach()
    error = (network[:3](images) - y).square().mean() / y.square().mean()
    error.backward()
    assert found.error(moved) == pytest.approx(float(error.detach()), rel=1e-4)
    torch.testing.assert_close(found.slope(moved), part.weight.grad, rtol=1e-3, atol=1e-5)
    assert not network[2]._forward_hooks and not whole[2]._forward_hooks
