"""Laws of replacing: only what saves is replaced, and what is told is what can be counted."""

from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn

from compression.low_rank import AnyRank, Energy, Evbmf, Share, factorise, told, weights_of
from compression.selectors import Where
from proxyless_nas import hand_made
from proxyless_nas.counting import in_eval_mode, layers_of, macs_of
from proxyless_nas.layer import Shape
from proxyless_nas.published import published_spec
from tests.compression.channels.networks import NETWORKS, Forward, settle

CASES = ("plain", "concatenation", "reused layer", "depthwise, grouped and transposed", "smoke")
RULES = (Share(share=0.4), Energy(keep=0.7, multiple=2), Evbmf())


def network_of(name: str) -> tuple[nn.Module, Shape]:
    if name in NETWORKS:
        network, size, _ = NETWORKS[name]
        return settle(deepcopy(network)), Shape(*size[1:])
    spec = hand_made(name) if name == "smoke" else published_spec(name)
    return settle(spec.build(seed=0)), spec.input


@pytest.mark.parametrize(
    "name, rank",
    [
        *((name, RULES[0]) for name in CASES),
        *(("plain", rank) for rank in RULES[1:]),
        *(pytest.param("resnet20_cifar", rank, marks=pytest.mark.slow) for rank in RULES),
        pytest.param("mobilenet_v2-w0.35", RULES[1], marks=pytest.mark.slow),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_the_work_that_is_told_is_the_work_that_is_counted(name: str, rank: AnyRank) -> None:
    network, shape = network_of(name)
    first, before = network.state_dict().keys(), macs_of(network, shape)
    calls = layers_of(network, shape)
    found = factorise(network, shape, Where().layers(network), rank)
    assert sum(one.before for one in found) == sum(
        call.macs for call in calls if call.name in {one.name for one in found}
    )
    after = macs_of(network, shape)
    assert before - after == sum(one.before - one.after for one in found)
    assert all((one.after < one.before) == (one.left is None) for one in found)
    replaced = {one.name for one in found if one.ranks}
    assert replaced and after < before
    for one in found:
        if one.ranks:
            narrow = network.get_submodule(one.name)
            assert isinstance(narrow, nn.Sequential)
            assert tuple(len(weight) for weight in weights_of(narrow)[:-1]) == one.ranks
    kept = {key for key in first if key.rpartition(".")[0] not in replaced}
    assert kept == {
        key for key in network.state_dict() if key.rpartition(".")[0].rpartition(".")[0]
        not in replaced
    }  # fmt: skip


def test_the_error_that_is_told_is_that_of_the_weight() -> None:
    network, shape = network_of("plain")
    linear = network.get_submodule("5").get_parameter("weight").detach().double()
    values = torch.linalg.svdvals(linear)
    (one,) = factorise(network, shape, ["5"], Share(share=0.5))
    lost = values[2:].square().sum() / values.square().sum()
    assert one.ranks == (2,) and one.error == pytest.approx(float(lost.sqrt()), rel=1e-4)


def test_where_nothing_is_saved_nothing_is_changed() -> None:
    network, shape = network_of("smoke")
    before = {name: id(one) for name, one in network.named_parameters()}
    found = factorise(network, shape, Where().layers(network), Share(share=1.0))
    assert all(one.left and one.left in told(found) for one in found)
    assert any("saves nothing" in (one.left or "") for one in found)
    assert all(one.before == one.after > 0 and not one.ranks for one in found)
    assert before == {name: id(one) for name, one in network.named_parameters()}
    assert told(found).startswith(f"0 of {len(found)} layers") and "stem.conv" in told(found)


@pytest.mark.slow
def test_a_network_of_low_rank_answers_the_same_with_less_work() -> None:
    network, shape = network_of("resnet20_cifar")
    chance = torch.Generator().manual_seed(0)
    for name in Where(type="Conv2d", exclude="stem.conv").layers(network):
        weight = network.get_submodule(name).get_parameter("weight").data
        few = torch.randn(weight.shape[0], weight.shape[0] // 4, generator=chance)
        part = weight[: few.shape[1]].clone()
        weight.copy_(torch.einsum("or,rikl->oikl", few, part) / few.shape[1] ** 0.5)
    x = torch.randn(2, 3, 32, 32, generator=chance)
    with torch.no_grad():
        expected = network(x)
        found = factorise(network, shape, Where().layers(network), Energy(keep=1 - 1e-9))
        with in_eval_mode(network):
            torch.testing.assert_close(network(x), expected, rtol=1e-4, atol=1e-4)
    assert sum(one.left is None for one in found) >= 18
    assert all(one.error < 1e-4 for one in found)


class Gated(nn.Linear):
    """It is no linear map."""

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input).sigmoid()


def test_what_cannot_be_replaced_is_left_and_says_why() -> None:
    network = Forward(
        lambda s, x: s.tied(s.gated(s.attention(x, x, x)[0]) + s.first(x) + s.zero(x)).mean(1),
        first=nn.Linear(16, 16, bias=False),
        attention=nn.MultiheadAttention(16, 2, batch_first=True),
        gated=Gated(16, 16),
        tied=nn.Linear(16, 16),
        zero=nn.Linear(16, 16, bias=False),
    )
    with torch.no_grad():
        network.get_submodule("zero").get_parameter("weight").zero_()
    network.get_submodule("tied").weight = network.get_submodule("first").weight
    bare = Forward(lambda s, x: s.inner(x.flatten(2).transpose(1, 2)), inner=network)
    found = factorise(bare, Shape(16, 2, 2), Where().layers(bare), Share(share=0.2))
    left = {one.name: one.left or "" for one in found}
    assert left == {
        "inner.first": "its weight is that of inner.tied too",
        "inner.attention.out_proj": "a NonDynamicallyQuantizableLinear does more than its kind",
        "inner.gated": "a Gated does more than its kind",
        "inner.zero": "it is zero",
    }
    grouped, shape = network_of("depthwise, grouped and transposed")
    found = factorise(grouped, shape, ["wide", "grouped"], Share(share=0.1))
    assert [one.left for one in found] == ["it has groups"] * 2
    assert told(found).count("\n") == 1 and "wide, grouped" in told(found)
    unused = Forward(lambda s, x: s.a(x), a=nn.Conv2d(3, 8, 3), aside=nn.Conv2d(3, 8, 3))
    found = factorise(unused, Shape(3, 8, 8), ["aside"], Share(share=0.1))
    assert [one.left for one in found] == ["it is not called as a layer"]
    alone = nn.Conv2d(8, 8, 3)
    found = factorise(alone, Shape(8, 8, 8), [""], Share(share=0.1))
    assert [one.left for one in found] == ["it is the whole network"]


def test_a_layer_that_stands_in_two_places_is_replaced_in_both() -> None:
    layer = nn.Conv2d(8, 8, 3, padding=1)
    network = nn.Sequential(nn.Conv2d(3, 8, 1), layer, nn.ReLU(), layer)
    shape = Shape(3, 6, 6)
    before = macs_of(network, shape)
    (one,) = factorise(network, shape, ["1"], Share(share=0.5))
    assert network[1] is network[3] and isinstance(network[1], nn.Sequential)
    assert before - macs_of(network, shape) == one.before - one.after > 0
