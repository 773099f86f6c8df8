"""Widths that are searched: one more decision, which changes what all others cost."""

from itertools import product
from pathlib import Path

import pytest
import torch

from latency_tables.cost import CostModel, Macs, Parameters, WeightBytes
from latency_tables.sampling import sample_options
from proxyless_nas import MBConv, Shape
from proxyless_nas.mobile_space import Layout, Stage, mobile_space
from proxyless_nas.spaces import named_space
from search.derive import best_network
from search.problems import Architecture
from search.strategies import RandomChoices
from tests.search.helpers import WIDE, make_prices

EVERYTHING = list(product(*map(range, WIDE.counts)))


def layout(**changes: object) -> Layout:
    given = {
        "input": Shape(1, 12, 12), "classes": 10, "stem": 8, "first": 8, "mix": 0,
        "stages": (Stage((8, 16), 2, 2), Stage(24, 2, 2)), "expansions": (3,),
    }  # fmt: skip
    return Layout(**{**given, **changes})  # type: ignore[arg-type]


def test_each_option_names_the_widths_of_the_stages_the_widest_first() -> None:
    (name, labels) = WIDE.decisions[-1]
    assert name == "widths"
    assert labels == ("16-24", "16-16", "16-8", "8-24", "8-16", "8-8")
    for option, label in enumerate(labels):
        spec = WIDE.network((*WIDE.first[:-1], option))
        outs = [block.out for block in spec.blocks if isinstance(block, MBConv)]
        assert [str(out) for out in (outs[1], outs[-1])] == label.split("-")


def test_a_space_in_a_file_can_list_widths(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(
        "{input: [1, 28, 28], classes: 10, stem: 8, first: 8, mix: 0, expansions: [3],"
        " stages: [{width: [16, 24], edges: 2, stride: 2}, {width: 32, edges: 1}]}"
    )
    assert named_space(str(file)).decisions[-1] == ("widths", ("24", "16"))
    assert named_space(f"{file}-w2").decisions[-1] == ("widths", ("48", "32"))


def test_a_stage_of_one_width_decides_nothing() -> None:
    one = mobile_space("one", layout(stages=(Stage((16,), 2, 2),)))
    assert one == mobile_space("one", layout(stages=(Stage(16, 2, 2),)))


@pytest.mark.parametrize("first", [True, False])
def test_what_has_no_inner_width_of_its_own_is_refused(first: bool) -> None:
    second = Stage(24, 2, 2, expansions=(1,)) if first else Stage(24, 2, 2)
    stage = Stage((8, 16), 2, 2) if first else Stage((8, 16), 2, 2, expansions=(1, 3))
    with pytest.raises(ValueError, match="expansion 1 behind a stage whose width is searched"):
        layout(stages=(stage, second))


def test_too_many_ways_are_refused() -> None:
    with pytest.raises(ValueError, match="in 512 ways"):
        layout(stages=(Stage((8, 16), 1),) * 9)


@pytest.mark.parametrize("cost", [Macs(), Parameters(), WeightBytes(8)], ids=lambda c: c.unit)
def test_a_network_costs_what_its_widths_and_options_say(cost: CostModel) -> None:
    problem = Architecture(WIDE)
    prices = problem.prices(cost)
    costs = [cost.network(problem.decode(options)) for options in EVERYTHING]
    assert [prices.of(options) for options in EVERYTHING] == pytest.approx(costs)
    assert (prices.least, prices.most) == pytest.approx((min(costs), max(costs)))


def test_every_block_of_every_network_is_measured() -> None:
    known = set(WIDE.blocks())
    for options in EVERYTHING[::7]:
        placed = {(block, shape) for _, block, shape in WIDE.network(options).placed()}
        assert {pair for pair in placed if pair[0].layers("", pair[1])} <= known


def test_networks_of_all_widths_are_drawn_for_checks_of_tables() -> None:
    drawn = {options[-1] for options in sample_options(WIDE, 40, seed=0)}
    assert drawn == set(range(WIDE.counts[-1]))


def test_the_expected_cost_is_the_mean_over_all_networks_and_has_its_slopes() -> None:
    prices = make_prices(WIDE)
    logits = torch.randn(prices.alive.shape, generator=torch.Generator().manual_seed(0)).double()
    p = torch.softmax(torch.where(prices.alive, logits, -torch.inf), dim=1).requires_grad_()
    knobs = torch.arange(len(p))
    chance = torch.stack([p[knobs, torch.tensor(one)].prod() for one in EVERYTHING])
    mean = (
        chance * torch.tensor([prices.of(one) for one in EVERYTHING], dtype=torch.float64)
    ).sum()
    (slopes,) = torch.autograd.grad(mean, [p])
    assert prices.expected(p.detach()) == pytest.approx(float(mean.detach()))
    told = prices.slopes(p.detach())  # equal up to a number per knob, which its softmax removes
    apart = (told - told[:, :1]) - (slopes - slopes[:, :1])
    torch.testing.assert_close(apart[prices.alive], torch.zeros_like(apart[prices.alive]))


@pytest.mark.parametrize("place", [0.2, 0.5, 0.8])
def test_networks_of_equal_cost_are_drawn_equally_often(place: float) -> None:
    prices = make_prices(WIDE)
    wanted = prices.least + place * (prices.most - prices.least)
    tilted = prices.tilted(wanted)
    knobs = torch.arange(len(WIDE.counts) - 1)
    costs = torch.tensor([prices.of(one) for one in EVERYTHING], dtype=torch.float64)
    chance = torch.stack(
        [
            tilted.chosen[one[-1]] * tilted.p[one[-1]][knobs, torch.tensor(one[:-1])].prod()
            for one in EVERYTHING
        ]
    )
    assert float(chance.sum()) == pytest.approx(1.0)
    assert float((chance * costs).sum()) == pytest.approx(wanted) == pytest.approx(tilted.mean)
    slope = (chance[1:] / chance[0]).log() / (costs[1:] - costs[0])
    torch.testing.assert_close(slope, slope[:1].expand_as(slope))


@pytest.mark.parametrize("place", [0.05, 0.3, 0.6, 0.95])
def test_the_derived_network_is_the_most_probable_in_the_band(place: float) -> None:
    prices = make_prices(WIDE)
    high = prices.least + place * (prices.most - prices.least)
    logits = torch.randn(prices.alive.shape, generator=torch.Generator().manual_seed(1)).double()
    log_p = torch.log_softmax(torch.where(prices.alive, logits, -torch.inf), dim=1)
    knobs = torch.arange(len(log_p))

    def score(options: tuple[int, ...]) -> float:
        return float(log_p[knobs, torch.tensor(options)].sum())

    low = 0.9 * high
    found = best_network(log_p, prices, low, high)
    inside = [one for one in EVERYTHING if low <= prices.of(one) <= high]
    below = [one for one in EVERYTHING if prices.of(one) <= high]
    assert score(found) == pytest.approx(max(map(score, inside or below)))
    with pytest.raises(ValueError, match="no choice costs"):
        best_network(log_p, prices, 0.0, 0.99 * prices.least)


def test_random_networks_in_a_band_have_all_widths() -> None:
    prices = make_prices(WIDE)
    middle = (prices.least + prices.most) / 2
    drawn = RandomChoices(prices, (0.85 * middle, 1.15 * middle), 0, 60).ask()
    assert all(0.85 * middle <= prices.of(one.options) <= 1.15 * middle for one in drawn)
    assert {one.options[-1] for one in drawn} == set(range(WIDE.counts[-1]))
