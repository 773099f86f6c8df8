"""Counting by running equals counting by description, and torchvision's published numbers."""

import pytest
import torch
from torch import Tensor, nn

from proxyless_nas import Layer, Shape, layers_of, load_network, load_spec, macs_of, network_input
from proxyless_nas.counting import parameters_of
from proxyless_nas.published import PUBLISHED
from proxyless_nas.torchvision_door import torchvision

MILLION_MACS = {  # parameters, MACs; as measured by others and by torchvision
    "torchvision:mobilenet_v2": (3_504_872, 300_774_272),
    "resnet50": (25_557_032, 4_089_184_256),
}
FAMILIES = ("alexnet", "densenet121", "inception_v3", "mobilenet_v3_small", "resnext50_32x4d")
FAMILIES += ("shufflenet_v2_x0_5", "squeezenet1_1", "swin_t", "vit_b_32")


def by_name(layer: Layer) -> str:
    return layer.name


SLOW = ("proxyless_cifar",)
EACH = [pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else []) for name in PUBLISHED]


@pytest.mark.parametrize("name", EACH)
def test_a_network_of_ours_does_what_its_description_says(name: str) -> None:
    spec = load_spec(name)
    network = spec.build()
    assert sorted(layers_of(network, spec.input), key=by_name) == sorted(spec.layers(), key=by_name)
    assert macs_of(network, spec.input) == spec.macs
    assert parameters_of(network) == spec.parameters


@pytest.mark.parametrize(("name", "numbers"), MILLION_MACS.items())
def test_torchvisions_convolutional_networks_are_counted_exactly(
    name: str, numbers: tuple[int, int]
) -> None:
    network = load_network(name)
    layers = layers_of(network, network_input(name))
    counted = sum(layer.parameters for layer in layers), sum(layer.macs for layer in layers)
    assert counted == numbers
    assert (parameters_of(network), macs_of(network, network_input(name))) == numbers


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_has_the_work_that_torchvision_publishes(name: str) -> None:
    published = torchvision.models.get_model_weights(name)["DEFAULT"].meta
    network, shape = load_network(name), network_input(name)
    assert parameters_of(network) == published["num_params"]
    assert macs_of(network, shape) / 1e9 == pytest.approx(published["_ops"], abs=5.1e-4)
    if name not in ("swin_t", "vit_b_32"):  # attention multiplies outside of layers
        layers = layers_of(network, shape)
        assert sum(layer.macs for layer in layers) == macs_of(network, shape)
        if name != "inception_v3":  # it has another head for training
            assert sum(layer.parameters for layer in layers) == published["num_params"]


class Odd(nn.Module):
    """Dilated, grouped, not square, called twice; the second batch norm follows a ReLU."""

    def __init__(self) -> None:
        super().__init__()
        self.twice = nn.Conv2d(4, 4, 3, padding=2, dilation=2, groups=2)
        self.flat = nn.Conv2d(4, 6, (1, 5), stride=2, padding=(0, 2), bias=False)
        self.first_norm, self.second_norm = nn.BatchNorm2d(6), nn.BatchNorm2d(6)
        self.relu = nn.ReLU(inplace=True)
        self.rows = nn.Linear(6, 3)
        self.unused = nn.Linear(9, 9)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first_norm(self.flat(self.twice(self.twice(x))))
        return self.rows(self.second_norm(self.relu(x)).flatten(2).transpose(1, 2))


def test_odd_layers_are_described_as_they_are() -> None:
    twice = Layer("twice", "conv", Shape(4, 9, 7), Shape(4, 9, 7), 3, 1, 2, True, False)
    flat = Layer("flat", "conv", Shape(4, 9, 7), Shape(6, 5, 4), 1, 2, kernel_width=5)
    rows = Layer("rows", "linear", Shape(6, 20, 1), Shape(3, 20, 1), bias=True, norm=False)
    size = Shape(6, 5, 4)
    lone = Layer("second_norm", "norm", size, size, groups=6, bias=True, norm=False)
    module = Odd()
    assert layers_of(module, Shape(4, 9, 7)) == (twice, twice, flat, lone, rows)
    assert (twice.macs, flat.macs, rows.macs) == (2 * 9 * 4 * 63, 4 * 5 * 6 * 20, 18 * 20)
    assert macs_of(module, Shape(4, 9, 7)) == 2 * twice.macs + flat.macs + rows.macs
    assert (lone.macs, lone.parameters) == (0, 12)
    assert twice.parameters == parameters_of(module.twice)


def test_a_norm_behind_something_else_is_not_the_convolutions() -> None:
    module = nn.Sequential(nn.Conv2d(3, 5, 1), nn.ReLU(inplace=True), nn.BatchNorm2d(5))
    conv, norm = layers_of(module, Shape(3, 4, 4))
    assert not conv.norm and norm.kind == "norm"


def test_a_norm_that_belongs_to_other_convolutions_is_not_this_ones() -> None:
    before = nn.Sequential(nn.BatchNorm2d(5), nn.ReLU(), nn.Conv2d(5, 2, 1))
    conv, norm, _ = layers_of(nn.Sequential(nn.Conv2d(3, 5, 1), before), Shape(3, 4, 4))
    assert not conv.norm and (norm.name, norm.kind) == ("1.0", "norm")


def test_counting_changes_nothing_in_the_module() -> None:
    module = nn.Sequential(nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5), nn.Dropout(), nn.ReLU())
    module[2].eval()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    layers_of(module, Shape(3, 8, 8))
    macs_of(module, Shape(3, 8, 8))
    assert [part.training for part in module] == [True, True, False, True]
    assert all(torch.equal(before[name], now) for name, now in module.state_dict().items())
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in module)


def test_layers_in_two_places_and_weights_in_two_layers_are_counted_and_left_alone() -> None:
    twice, tied = nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
    tied.weight = twice.weight
    module = nn.Sequential(twice, tied, twice)
    before = {name: (id(one), one.clone()) for name, one in module.named_parameters()}
    shape = Shape(4, 5, 5)
    assert macs_of(module, shape) == 3 * 4 * 4 * 9 * 25
    assert [layer.name for layer in layers_of(module, shape)] == ["0", "1", "0"]
    for name, one in module.named_parameters():
        assert id(one) == before[name][0] and torch.equal(one, before[name][1])
    assert tied.weight is twice.weight
