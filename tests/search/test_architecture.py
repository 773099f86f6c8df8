"""Laws of the architecture problem and of random choices."""

import numpy as np
import pytest
import torch

from latency_tables.cost import CostModel, Macs, Parameters
from proxyless_nas import named_space
from search.choices import Choices, Evidence
from search.problems import Architecture
from search.strategies import RandomChoices


@pytest.mark.parametrize("cost", [Macs(), Parameters()])
@pytest.mark.parametrize("name", ["smoke", "fashion", "imagenet-mobile"])
def test_a_network_costs_the_fixed_part_plus_its_options(cost: CostModel, name: str) -> None:
    problem = Architecture(named_space(name))
    fixed, prices = problem.prices(cost)
    strategy = RandomChoices([len(row) for row in prices], seed=0)
    for _ in range(5):
        options = strategy.ask().options
        summed = fixed + sum(row[option] for row, option in zip(prices, options, strict=True))
        assert summed == pytest.approx(cost.network(problem.decode(options)))


def test_every_knob_has_a_label_per_candidate() -> None:
    problem = Architecture(named_space("imagenet-mobile"))
    assert [len(knob.labels) for knob in problem.knobs] == [6, 7, 7, 7] * 5 + [6]
    assert problem.knobs[1].labels == (
        "MBConv e3 k3",
        "MBConv e6 k3",
        "MBConv e3 k5",
        "MBConv e6 k5",
        "MBConv e3 k7",
        "MBConv e6 k7",
        "skip",
    )
    assert all(len(set(knob.labels)) == len(knob.labels) for knob in problem.knobs)


def test_random_choices_never_repeat_and_keep_to_what_is_accepted() -> None:
    strategy = RandomChoices([3, 3, 3], seed=1, accept=lambda options: sum(options) == 3)
    asked = [strategy.ask().options for _ in range(7)]
    assert len(set(asked)) == 7
    assert all(sum(options) == 3 for options in asked)
    with pytest.raises(LookupError, match="no acceptable new network"):
        strategy.ask()


def test_random_choices_are_uniform_and_repeatable() -> None:
    first, second = RandomChoices([5] * 8, seed=3), RandomChoices([5] * 8, seed=3)
    asked = [first.ask() for _ in range(600)]
    assert asked == [second.ask() for _ in range(600)]
    counts = np.bincount(np.array([c.options for c in asked]).ravel(), minlength=5)
    assert np.all(abs(counts / counts.sum() - 0.2) < 0.03)


def test_random_choices_remember_the_best_they_were_told() -> None:
    strategy = RandomChoices([4, 4], seed=0)
    asked = [strategy.ask() for _ in range(3)]
    for choices, loss in zip(asked, (0.5, 0.2, 0.9), strict=True):
        strategy.tell(choices, Evidence(torch.tensor(loss)))
    assert strategy.best() == Choices(asked[1].options)
