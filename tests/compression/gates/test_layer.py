"""Laws of a gated convolution: what passes, what is learnt, and what is skipped."""

import math
from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from compression.gates.layer import GatedConvolution
from compression.gates.place import Gates, gate, gates_of, let_skip
from compression.gates.saliency import Pool, pooled
from proxyless_nas.layer import Shape
from tests.compression.channels.networks import Forward, conv, settle
from tests.compression.gates.networks import SHAPE, chain, images, residual

POOLS: tuple[Pool, ...] = ("avg", "max", "l1", "l2")


def convolutions(network: nn.Module) -> list[str]:
    return [name for name, part in network.named_modules() if isinstance(part, nn.Conv2d)]


def gated(network: nn.Module, density: float = 1.0, **how: object) -> dict[str, GatedConvolution]:
    """Gates at all convolutions, which see images apart."""
    placed = gate(network, SHAPE, convolutions(network), **{"deviation": 0.5, **how})  # pyright: ignore
    for one in placed.values():
        one.keep(density)
    return placed


@pytest.mark.parametrize("make", [chain, residual])
def test_a_gate_that_knows_nothing_leaves_the_network_as_it_was(make: object) -> None:
    """Density 1, W = 0 and b the scales, of which some are negative or 0."""
    network = make()  # pyright: ignore
    for part in network.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.weight.data[:3] = torch.tensor([-0.7, 0.0, -1.2])
    before = deepcopy(network)
    placed = gated(network, deviation=0.0)
    assert len(placed) == len(convolutions(before))
    for training in (False, True):
        x = images(6)
        torch.testing.assert_close(network.train(training)(x), before.train(training)(x))
    torch.testing.assert_close(network.eval()(x), before.eval()(x))  # statistics moved alike


def test_b_is_one_where_that_is_asked_and_w_is_drawn_from_its_seed() -> None:
    drawn = [gated(chain(), deviation=0.05, bias="one", seed=seed) for seed in (1, 1, 2)]
    first, again, other = ([one.saliency.predict for one in each.values()] for each in drawn)
    for a, b, c in zip(first, again, other, strict=True):
        assert torch.equal(a.bias, torch.ones_like(a.bias))
        assert torch.equal(a.weight, b.weight) and not torch.equal(a.weight, c.weight)
        assert 0 < a.weight.detach().abs().max() <= 0.1
        assert 0.02 < a.weight.detach().std() < 0.06
    he = gated(chain(), start="kaiming")["3"].saliency.predict.weight
    assert float(he.detach().std()) == pytest.approx(math.sqrt(2 / 10), rel=0.25)


@pytest.mark.parametrize("density", [0.05, 0.3, 0.5, 0.75, 1.0])
def test_exactly_so_many_channels_pass_for_each_image(density: float) -> None:
    network = chain()
    assert isinstance(network, nn.Sequential)
    gated(network, density)
    x = images(20)
    for end, width in ((1, 10), (4, 7)):
        passed = (network[:end](x) != 0).flatten(2).any(2)
        assert (passed.sum(1) == math.ceil(density * width)).all()
        if density == 0.5:
            assert len({tuple(row) for row in passed.tolist()}) > 1  # not the same for all


def test_of_channels_that_are_worth_the_same_the_first_ones_pass() -> None:
    network = chain()
    placed = gated(network, 0.5, deviation=0.0, bias="one")
    active = placed["0"].active(torch.ones(3, 10))
    assert active.tolist() == [[True] * 5 + [False] * 5] * 3
    mixed = placed["0"].active(torch.tensor([[0.0, 2, 1, 1, 3, 1, 0, 1, 0, 1]]))
    assert mixed.nonzero()[:, 1].tolist() == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("training", [True, False])
def test_answers_and_slopes_are_those_of_the_formula_channel_by_channel(
    pool: Pool, training: bool
) -> None:
    torch.manual_seed(0)
    norm = nn.BatchNorm2d(6)
    settle(norm)
    layer = GatedConvolution(nn.Conv2d(4, 6, 3, padding=1), norm, "norm", pool).train(training)
    layer.keep(0.5)
    nn.init.uniform_(layer.saliency.predict.bias, 0.5, 1.5)
    x = torch.randn(5, 4, 7, 7, requires_grad=True)
    weights = torch.randn(5, 6, 7, 7)

    copy = deepcopy(layer)
    made = copy.conv(x)
    mean, variance = copy.norm.running_mean, copy.norm.running_var
    if training:
        mean, variance = made.mean((0, 2, 3)), made.var((0, 2, 3), unbiased=False)
    assert mean is not None and variance is not None
    pools = {
        "avg": x.mean((2, 3)),
        "max": x.flatten(2).max(2).values,
        "l1": x.abs().mean((2, 3)),
        "l2": x.square().mean((2, 3)).sqrt(),
    }
    predict = copy.saliency.predict
    total, answers = torch.zeros(()), torch.zeros(5, 6, 7, 7)
    for image in range(5):
        g = (predict.weight @ pools[pool][image] + predict.bias).clamp(min=0)
        for channel in g.topk(3).indices.tolist():
            normal = (made[image, channel] - mean[channel]) / (variance[channel] + 1e-5).sqrt()
            out = g[channel] * normal + copy.bias[channel]
            answers[image, channel] = out.detach()
            total = total + (out * weights[image, channel]).sum()
    expected = torch.autograd.grad(total, [x, *copy.parameters()])

    answer = layer(x)
    torch.testing.assert_close(answer, answers, rtol=1e-4, atol=1e-5)
    own = torch.autograd.grad((answer * weights).sum(), [x, *layer.parameters()])
    for mine, one in zip(own, expected, strict=True):
        torch.testing.assert_close(mine, one, rtol=1e-3, atol=1e-4)


def test_w_learns_through_active_channels_alone() -> None:
    network = chain()
    layer = gated(network, 0.3)["0"]
    x = images(1)
    network(x).square().sum().backward()
    slope = layer.saliency.predict.weight.grad
    active = layer.active(layer.saliency(x))[0]
    assert slope is not None and int(active.sum()) == 3
    assert not slope[~active].any() and slope[active].any()


@pytest.mark.parametrize("pool", POOLS)
def test_pools_of_zeros_have_slopes(pool: Pool) -> None:
    x = torch.zeros(2, 3, 4, 4, requires_grad=True)
    pooled(x, pool).sum().backward()
    assert x.grad is not None and x.grad.isfinite().all()


@pytest.mark.parametrize("density", [0.1, 0.5, 1.0])
@pytest.mark.parametrize("make", [chain, residual])
@torch.no_grad()
def test_what_is_skipped_makes_no_difference(make: object, density: float) -> None:
    network = make()  # pyright: ignore
    gated(network, density)
    computed: list[tuple[int, ...]] = []
    x = images(12)
    expected = network(x)
    original = F.conv2d

    def watched(input: Tensor, weight: Tensor, *rest: object) -> Tensor:
        computed.append(tuple(weight.shape[:2]))
        return original(input, weight, *rest)  # pyright: ignore

    let_skip(network)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(F, "conv2d", watched)
        answers = torch.cat([network(one) for one in x.split(1)])
    difference = (answers - expected).abs().max() / expected.abs().max()
    assert difference <= 1e-5
    layers = list(gates_of(network).values())
    assert len(computed) == 12 * len(layers)
    for number, (out, taken) in enumerate(computed):
        layer = layers[number % len(layers)]
        assert out == int(layer.kept) == math.ceil(density * layer.width)
        assert taken <= layer.conv.in_channels
    if make is chain and density < 1:  # the second sees what the first has left, or less
        assert all(taken <= math.ceil(density * 10) for _, taken in computed[1::2])
    assert torch.equal(let_skip(network, False)(x), expected)


@torch.no_grad()
def test_an_image_of_zeros_can_be_skipped_through() -> None:
    network = chain()
    gated(network, 0.5)
    x = torch.zeros(1, 3, 8, 8)
    expected = network(x)
    torch.testing.assert_close(let_skip(network)(x), expected)


@torch.no_grad()
def test_what_is_no_number_stays_none_where_channels_are_skipped() -> None:
    network = chain()
    gated(network, 0.5)
    x = torch.full((1, 3, 8, 8), torch.nan)
    assert network(x).isnan().all() and let_skip(network)(x).isnan().all()


def test_what_only_rounding_tells_apart_is_no_difference() -> None:
    """A GPU multiplies with few bits; here a difference of 1e-7 grows ten thousand times."""
    network = Forward(
        lambda s, x: (1e4 * s.bn(s.a(x))).sin(), a=conv(3, 6), bn=settle(nn.BatchNorm2d(6))
    )
    before, x = deepcopy(network).eval(), images(2)
    for one in gate(network, SHAPE, ["a"]).values():
        nn.init.zeros_(one.saliency.predict.weight)
    difference = (network.eval()(x) - before(x)).abs().max()
    assert difference > 1e-4


def test_gates_are_put_anew_as_they_stood() -> None:
    network = residual()
    gated(network, 0.4, pool="l1")
    again = residual()
    Gates.of(network).put_into(again)
    again.load_state_dict(network.state_dict())
    x = images(3)
    assert torch.equal(again(x), network(x))
    assert Gates.of(again) == Gates.of(network)


@pytest.mark.parametrize(
    ("network", "layers", "message"),
    [
        (nn.Sequential(conv(3, 6), nn.BatchNorm2d(6), conv(6, 6, groups=6), nn.BatchNorm2d(6)),
         ["0", "2"], "2 is a convolution of groups: exclude it"),
        (nn.Sequential(conv(3, 6), nn.ReLU(), nn.BatchNorm2d(6)), ["0"],
         "no batch norm takes what 0 makes: exclude it"),
        (nn.Sequential(conv(3, 6), nn.BatchNorm2d(6, track_running_stats=False)), ["0"],
         "0 has a norm behind it that keeps no statistics: exclude it"),
        (nn.Sequential(conv(3, 6), nn.BatchNorm2d(6)), ["1"], "1 is a BatchNorm2d: gates stand"),
        (Forward(lambda s, x: s.bn(s.a(s.a(x))), a=conv(3, 3), bn=nn.BatchNorm2d(3)), ["a"],
         "a is called 2 times: exclude a"),
        (Forward(lambda s, x: s.bn(s.a(x)) + s.bn(x), a=conv(3, 3), bn=nn.BatchNorm2d(3)), ["a"],
         "bn is called 2 times: exclude a"),
        (Forward(lambda s, x: (lambda y: s.bn(y) + y)(s.a(x)), a=conv(3, 3),
                 bn=settle(nn.BatchNorm2d(3))), ["a"],
         "something else takes what a gated convolution makes"),
    ],
)  # fmt: skip
def test_where_no_gate_can_stand_is_told(
    network: nn.Module, layers: list[str], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        gate(network, Shape(3, 8, 8), layers)
