"""Where: names, types and roles find what they say, and nothing is left unfound in silence."""

import pytest
from torch import nn

from compression.masks import Level, refresh
from compression.selectors import Where


def network() -> nn.Sequential:
    inner = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 4, 1, bias=False))
    return nn.Sequential(inner, nn.ReLU(), nn.Flatten(), nn.Linear(4, 2))


@pytest.mark.parametrize(
    "where, found",
    [
        (Where(), ["0.0 weight", "0.1 weight", "0.2 weight", "3 weight"]),
        (Where(type="Conv2d"), ["0.0 weight", "0.2 weight"]),
        (Where(type=("Conv2d", "Linear"), role="bias"), ["0.0 bias", "3 bias"]),
        (Where(type="Conv2d", tensor="weight"), ["0.0 weight", "0.2 weight"]),
        (Where(name="0.*"), ["0.0 weight", "0.1 weight", "0.2 weight"]),
        (Where(name="0.*", type="_ConvNd", exclude="*.0"), ["0.2 weight"]),  # a base class
    ],
)
def test_what_fits_is_found(where: Where, found: list[str]) -> None:
    assert [f"{layer} {own}" for layer, own in where.tensors(network())] == found
    assert where.layers(network()) == list(dict.fromkeys(one.split()[0] for one in found))


def test_recurrent_weights_are_weights_and_masked_ones_keep_their_names() -> None:
    lstm = nn.LSTM(3, 4)
    assert [own for _, own in Where().tensors(lstm)] == ["weight_ih_l0", "weight_hh_l0"]
    refresh(lstm, "weight_hh_l0", Level(share=0.5))
    found = sorted(own for _, own in Where().tensors(lstm))
    assert found == ["weight_hh_l0", "weight_ih_l0"]


def test_a_shared_tensor_is_found_once() -> None:
    one, other = nn.Linear(3, 3), nn.Linear(3, 3)
    other.weight = one.weight
    assert Where().tensors(nn.Sequential(one, other)) == [("0", "weight")]


@pytest.mark.parametrize(
    "where, message",
    [
        (Where(name="0.conv"), r"no layer with a weight is named '0\.conv'"),
        (Where(exclude="head"), r"no layer with a weight is named 'head'"),
        (Where(exclude="0"), r"no layer with a weight is named '0'; 0 holds others: 0\.\*"),
        (Where(name=("0.*", "1")), "no layer with a weight is named '1'"),
        (Where(type="Conv3d"), "is a Conv3d; this network has BatchNorm2d, Conv2d, Linear"),
        (Where(type=("Conv2d", "ReLU")), "no layer with a weight is a ReLU"),
        (Where(name="3", type="Conv2d"), "nothing has a weight and fits type Conv2d and name 3"),
    ],
)
def test_what_fits_nothing_is_a_mistake(where: Where, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        where.tensors(network())


def test_one_tensor_of_a_recurrent_layer_can_be_meant() -> None:
    lstm = nn.Sequential(nn.LSTM(3, 4, num_layers=2))
    assert Where(tensor="weight_hh_l?").tensors(lstm) == [
        ("0", "weight_hh_l0"),
        ("0", "weight_hh_l1"),
    ]
    with pytest.raises(ValueError, match="nothing has a weight and fits tensor weight_xx"):
        Where(tensor="weight_xx").tensors(lstm)
