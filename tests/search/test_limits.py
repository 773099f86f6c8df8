"""A limit on memory leaves exactly the networks that keep within it."""

from itertools import product

import pytest

from latency_tables.cost import PeakActivation
from proxyless_nas import named_space
from search.limits import within_memory

MEMORY = PeakActivation()


def test_what_is_left_are_the_networks_of_the_space_that_fit() -> None:
    space = named_space("smoke")
    limit = MEMORY.network(space.network((0, 4, 1, 3)))  # wide ones at the front need more
    limited = within_memory(space, limit)
    everything = [space.network(options) for options in product(*map(range, space.counts))]
    fitting = {one for one in everything if MEMORY.network(one) <= limit}
    assert 0 < len(fitting) < len(everything)
    assert {
        limited.network(options, space.name) for options in product(*map(range, limited.counts))
    } == fitting


def test_a_limit_above_everything_changes_nothing() -> None:
    space = named_space("fashion")
    assert within_memory(space, MEMORY.network(space.network(space.first)) * 10) == space


def test_a_limit_that_nothing_meets_is_refused_with_the_least_that_works() -> None:
    space = named_space("smoke")
    with pytest.raises(ValueError, match=r"--peak-memory 100 cannot be met") as caught:
        within_memory(space, 100.0)
    least = float(str(caught.value).split(" needs ")[1].split()[0].replace(",", ""))
    assert within_memory(space, least).size >= 1
    with pytest.raises(ValueError, match="cannot be met"):
        within_memory(space, least - 1)


def test_trees_are_refused() -> None:
    with pytest.raises(ValueError, match="consists of trees"):
        within_memory(named_space("cifar-tree-small"), 1e9)
