"""Laws of the architecture problem: costs add up, and every decision can be read."""

import pytest

from latency_tables.cost import CostModel, Macs, Parameters, WeightBytes
from proxyless_nas import named_space
from search.problems import Architecture
from search.strategies import RandomChoices


@pytest.mark.parametrize("cost", [Macs(), Parameters(), WeightBytes(8)], ids=lambda c: c.unit)
@pytest.mark.parametrize("name", ["smoke", "fashion", "imagenet-mobile", "cifar-tree-small"])
def test_a_network_costs_the_fixed_part_plus_its_options(cost: CostModel, name: str) -> None:
    problem = Architecture(named_space(name))
    prices = problem.prices(cost)
    for choices in RandomChoices(prices, None, 0, 5).ask():
        assert prices.of(choices.options) == pytest.approx(
            cost.network(problem.decode(choices.options))
        )


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


def test_a_tree_has_twelve_knobs_of_seven_operations() -> None:
    problem = Architecture(named_space("cifar-tree-small"))
    assert problem.counts == (7,) * (9 * 12)
    assert problem.knobs[0].labels == tuple("357DMAI")
    assert problem.knobs[13].name == "blocks.1.branches.0.fork.edges.1"
