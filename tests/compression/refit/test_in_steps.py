"""Refit where channels leave: in a recipe's step while a network learns, and in `prune`."""

from copy import deepcopy
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from compression.importance import Lasso
from compression.masks import plain_copy
from compression.pruning.widths_file import Widths
from compression.recipe import Recipe
from compression.schedule import Linear, When
from compression.selectors import Where
from compression.steps import ChannelsStep, MaskStep
from proxyless_nas import macs_of
from proxyless_nas.files import read_json
from proxyless_nas.layer import Shape
from proxyless_nas.weights import load_tensors
from tests.commands.helpers import assert_refused, run_here, well
from tests.compression.channels.networks import resnet, settle
from tests.compression.pruning.test_four_steps import take, trained, written
from tests.training.learning import short_plan

__all__ = ["trained"]
SHAPE, PER_EPOCH, STEPS = Shape(3, 16, 16), 2, 8
IMAGES = torch.randn(96, 3, 16, 16, generator=torch.Generator().manual_seed(0))


def small() -> nn.Module:
    """Three residual blocks, always the same."""
    torch.manual_seed(0)
    return resnet(1)


def seen(count: int) -> list[tuple[Tensor, Tensor]]:
    return [(x, torch.zeros(len(x), dtype=torch.long)) for x in IMAGES[:count].split(32)]


def lost_by(steps: tuple[ChannelsStep | MaskStep, ...]) -> tuple[float, nn.Module, nn.Module]:
    """How far a recipe takes the answers to its images, without any learning; the network that it
    goes along with; what is left."""
    network = settle(small())
    first = deepcopy(network)
    companion = Recipe(steps).accompany(network, SHAPE, short_plan(PER_EPOCH, STEPS), seen)
    for step in range(STEPS):
        companion.before(step)
    left = companion.plain(network)
    with torch.no_grad():
        wish = first(IMAGES)
        return float((left(IMAGES) - wish).square().sum() / wish.square().sum()), network, left


def test_a_step_that_repairs_loses_less_and_masked_still_equals_removed() -> None:
    share = Linear(start=0.9, stop=0.6)
    step = ChannelsStep(macs=share, seen=96, when=When(begin=1, end=3))
    found = [
        lost_by((one,))
        for one in (step, ChannelsStep(macs=share, seen=96, when=step.when, repair="lstsq"))
    ]
    assert found[1][0] < 0.3 * found[0][0]
    whole = macs_of(small(), SHAPE)
    for _, network, left in found:
        assert macs_of(left, SHAPE) <= 0.6 * whole
        with torch.no_grad():
            torch.testing.assert_close(
                left(IMAGES), plain_copy(network)(IMAGES), rtol=1e-4, atol=1e-5
            )


@pytest.mark.slow
def test_layers_with_masked_elements_are_left_alone_and_nothing_is_fitted_twice() -> None:
    sparse = MaskStep(
        method={"by": "level", "share": 0.5},
        where=Where(name="3.conv2"),
        when=When(begin=0, end=0.5),
    )
    step = ChannelsStep(
        macs=0.7, score=Lasso(), seen=96, repair="lstsq", when=When(begin=1, end=1.5)
    )
    _, network, _ = lost_by((sparse, step))
    first = settle(small())
    for name, fitted in (("3.conv2", False), ("4.conv2", True)):
        dense = dict(network.named_parameters())[f"{name}.parametrizations.weight.original"]
        assert bool((dense != first.get_parameter(f"{name}.weight")).any()) == fitted
    once = [lost_by((ChannelsStep(macs=0.7, seen=96, repair="lstsq", when=when),))[0]
            for when in (When(begin=1), When(begin=1, end=1.5))]  # fmt: skip
    assert once[0] == once[1]  # later times find nothing new


@pytest.mark.slow
def test_what_prune_has_repaired_is_what_is_tuned(trained: Path, tmp_path: Path) -> None:
    config = written(trained, tmp_path, choose={"by": "evenly"}, score={"by": "lasso"},
                     repair="lstsq")  # fmt: skip
    said, out = take("prune", config), tmp_path / "out"
    top1 = next(line.split() for line in said.splitlines() if line.startswith("top-1"))
    whole, pruned, repaired = (float(top1[place]) for place in (1, 3, 5))
    assert pruned < repaired <= whole + 2 and "were fitted anew" in said
    widths = read_json(out / "widths.json", Widths)
    assert widths.repaired is not None
    take("finetune", config)
    again = take("prune", config)  # the same choice: nothing is refused
    assert read_json(out / "widths.json", Widths) == widths and "repaired" in again
    well(run_here("-m", "compression", "transform", "--config", config))
    state = load_tensors(out / "repaired.pt")
    name = next(name for name in state if name.endswith("weight"))
    state[name] = 2 * state[name]
    torch.save(state, out / "repaired.pt")
    refused = run_here("-m", "compression", "transform", "--config", config)
    assert_refused(refused, "does not belong to widths.json")
