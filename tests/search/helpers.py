"""A small space, a supernet of it, and made-up prices."""

import numpy as np
import torch

from proxyless_nas import Shape, Space, named_space
from proxyless_nas.mobile_space import Layout, Stage, mobile_space
from proxyless_nas.tree_space import TreeLayout, tree_space
from search.choices import Choices, Evidence
from search.objective import CostLoss, Objective
from search.prices import Prices
from search.supernet import Supernet

SPACE = named_space("smoke")
STAGES = (Stage((8, 16), 2, 2), Stage((24, 16, 8), 2, 2))
WIDE = mobile_space("wide", Layout(Shape(1, 12, 12), 10, 8, 8, STAGES, 32, (3, 5), (3,)))
TREES = tree_space("trees", TreeLayout(1, 88, Shape(3, 8, 8)))


def make_supernet(space: Space = SPACE, seed: int = 0) -> Supernet:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return Supernet(space)


def make_batch(space: Space = SPACE, size: int = 6) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    shape = space.input
    x = torch.randn(size, shape.channels, shape.height, shape.width, generator=generator)
    return x, torch.randint(0, space.classifier.classes, (size,), generator=generator)


def make_prices(space: Space = SPACE, seed: int = 0) -> Prices:
    """A fixed part of 3 and prices from 1 to 6; with widths to choose, other ones for each."""
    generator = np.random.default_rng(seed)
    counts = space.counts[:-1] if space.widths else space.counts
    first, *others = (
        (3.0 + way, [generator.uniform(1.0, 6.0, size=count) for count in counts])
        for way in range(len(space.narrowed))
    )
    return Prices(*first, "ms", others)


def make_objective(
    budget: float = 12.0, loss: CostLoss = "add", weight: float = 0.3, must_meet: bool = True
) -> Objective:
    return Objective(budget, 0.05, loss, weight, must_meet)


def saying(
    loss: float = 1.0, accuracy: float = 0.5, slopes: torch.Tensor | None = None
) -> Evidence:
    return Evidence(torch.tensor(loss), torch.tensor(accuracy), slopes)


def options_of(asked: tuple[Choices, ...]) -> list[tuple[int, ...]]:
    return [choices.options for choices in asked]
