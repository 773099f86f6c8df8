"""Network slimming end to end: scales shrink, and channels with the smallest of all scales go."""

import math
from copy import deepcopy

import pytest
import torch
from msgspec import structs
from torch import Tensor, nn

from compression.importance import BatchNormScale
from compression.masks import masks_of
from compression.recipe import Recipe, read_recipe
from compression.schedule import Linear, When
from compression.selectors import Where
from compression.steps import ChannelsStep, PenaltyStep
from proxyless_nas import load_weights
from proxyless_nas.counting import in_eval_mode
from proxyless_nas.layer import Shape
from proxyless_nas.published import published_spec
from tests.launch import ROOT
from tests.shared import shared
from tests.training.learning import USUAL, short_plan
from training.datasets import Images, Reading, open_dataset
from training.learner import Learner, Manner
from training.losses import LabelLoss
from training.optimizer import sgd
from training.workers import Alone

SHAPE, PER_EPOCH = Shape(3, 32, 32), 8
EXAMPLE = ROOT / "examples" / "compress" / "slimming_resnet20.yaml"
INSIDE = [f"blocks.{number}.first" for number in range(9)]


def slimming() -> Recipe:
    """The example, in two epochs: the penalty in the first, channels leave ahead of the second."""
    penalty, channels = read_recipe(EXAMPLE).steps
    assert isinstance(penalty, PenaltyStep) and isinstance(channels, ChannelsStep)
    soon = When(begin=1, end=2)
    return Recipe(
        (structs.replace(penalty, when=When(end=1)), structs.replace(channels, when=soon))
    )


def scales(network: nn.Module) -> dict[str, Tensor]:
    """Of the batch norms behind the first convolution of every block."""
    return {name: network.get_parameter(f"{name}.bn.weight").detach().abs() for name in INSIDE}


def photographs() -> Images:
    reading = Reading(normalise="half")
    archive = str(shared("data/cifar10_lossless_6102.npz"))
    return open_dataset("cifar10", archive, reading, limit=32 * PER_EPOCH).train


def learned(epochs: int, recipe: Recipe | None) -> Learner:
    network = published_spec("resnet20_cifar").build(seed=0)
    load_weights(network, shared("data/distiller/resnet20_cifar10_dense.pth.tar"))
    plan = short_plan(PER_EPOCH, 2 * PER_EPOCH)
    companion = None if recipe is None else recipe.accompany(network, SHAPE, plan)
    manner = Manner(**{**USUAL, "loss": LabelLoss()})
    optimizer = sgd(network.train(), 0.01, 0.9, 0.0)
    learner = Learner(network, optimizer, manner, Alone(), companion)
    for epoch in range(epochs):
        for number, batch in enumerate(photographs().evaluation_batches(32)):
            learner.step(epoch * PER_EPOCH + number, [batch])
    return learner


@pytest.mark.slow
def test_the_example_slims_a_network_on_photographs() -> None:
    free, pressed = (scales(learned(1, recipe).network) for recipe in (None, slimming()))
    assert sum(one.sum() for one in pressed.values()) < sum(one.sum() for one in free.values())

    learner = learned(2, slimming())
    network, left = learner.network, learner.plain()
    lost, stay = list[float](), list[float]()
    for name, before in pressed.items():  # a training goes as the same one did before
        kept = masks_of(network, "channels")[f"{name}.conv.weight"].kept.flatten(1).any(1)
        assert left.get_parameter(f"{name}.conv.weight").shape[0] == int(kept.sum())
        lost += before[~kept].tolist()
        stay += before[kept].tolist()
    assert len(stay) == len(lost) == 3 * (16 + 32 + 64) // 2
    assert max(lost) <= min(stay)
    shares = {len(left.get_parameter(f"{name}.bn.bias")) / len(pressed[name]) for name in INSIDE}
    assert len(shares) > 1
    x, _ = next(photographs().evaluation_batches(32))
    with in_eval_mode(network), in_eval_mode(left):
        torch.testing.assert_close(left(x), network(x), rtol=1e-4, atol=1e-4)


@pytest.mark.slow
def test_scales_are_compared_across_groups_as_they_are_or_by_their_means() -> None:
    network = published_spec("resnet20_cifar").build(seed=0)
    for name in INSIDE:
        network.get_submodule(f"{name}.bn").weight.data.uniform_(0.4, 0.6)  # pyright: ignore
    network.get_submodule("blocks.4.first.bn").weight.data *= 0.1  # pyright: ignore
    where = Where(name="blocks.*.first.conv")

    def left(across: bool) -> list[int]:
        step = ChannelsStep(
            density=0.9, score=BatchNormScale(across=across), rank="lowest-first", where=where
        )
        companion = Recipe((step,)).accompany(network := deepcopy(whole), SHAPE, short_plan(2, 4))
        companion.before(0)
        plain = companion.plain(network)
        return [plain.get_parameter(f"{name}.conv.weight").shape[0] for name in INSIDE]

    whole = network
    assert left(True)[4] == 1 and sum(left(True)) == math.ceil(0.9 * 336)
    assert left(False)[4] > 20 and sum(left(False)) == math.ceil(0.9 * 336)


@pytest.mark.parametrize("wrong", [{"macs": 0.5, "density": 0.5}, {}])
def test_one_of_macs_density_and_widths_is_said(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="say one of a share of `macs`, a `density` and what"):
        ChannelsStep(**wrong)  # pyright: ignore


def test_a_density_that_rises_or_is_none_is_told() -> None:
    network = published_spec("resnet20_cifar").build(seed=0)
    for density, message in ((Linear(start=0.5, stop=0.7), "`density` rises"), (0.0, "above 0")):
        step = ChannelsStep(density=density)
        with pytest.raises(ValueError, match=message):
            Recipe((step,)).accompany(network, SHAPE, short_plan(2, 4))
