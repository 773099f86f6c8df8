"""The comparison of ways to quantize without training: each gives what its name says."""

import pytest
import torch
from torch import nn

from benchmarks.post_training import PostTrainingConfig, main, methods, quantized
from compression.quantizers.place import quantizable, quantization_of
from proxyless_nas.layer import Shape


def network() -> nn.Module:
    torch.manual_seed(0)
    layers: list[nn.Module] = []
    for inputs in (3, 16, 16):
        layers += [nn.Conv2d(inputs, 16, 3, padding=1), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 5)).eval()


@pytest.mark.parametrize("name", methods(steps=2))
@pytest.mark.parametrize("activations", [4, None])
def test_inner_layers_have_four_bits_and_the_ends_eight(name: str, activations: int | None) -> None:
    whole = network()
    x = torch.randn(8, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    made = quantized(whole, methods(steps=2)[name], (4, activations), [(x, torch.zeros(8))])
    first, *inner, last = quantizable(whole, Shape(3, 8, 8))
    placed = quantization_of(made).layers
    for layer in (first, *inner, last):
        weights, flowing = placed[layer].weights, placed[layer].activations
        assert weights is not None and weights.bits == (8 if layer in (first, last) else 4)
        wanted = None if activations is None else (8 if layer in (first, last) else activations)
        assert (None if flowing is None else flowing.bits) == wanted
    with torch.no_grad():
        assert not torch.equal(made(x), whole(x))


def test_a_network_that_has_learned_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="has learned nothing"):
        main(PostTrainingConfig(arch="resnet20_cifar"))
