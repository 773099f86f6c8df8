"""Run what was read on ResNet-20: two short epochs of noise, and what is left then."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from compression.readers import distiller
from compression.readers.reading import Reading
from compression.recipe import Recipe
from proxyless_nas.layer import Shape
from proxyless_nas.subject import Subject, open_subject
from tests.compression.channels.networks import settle
from tests.training.learning import USUAL
from training.learner import Learner, Manner
from training.losses import LabelLoss
from training.optimizer import sgd
from training.plan import Plan
from training.schedule import named_schedule
from training.workers import Alone

NAME, FILE = "resnet20_cifar", "schedule.yaml"
SHAPE = Shape(3, 16, 16)
PER_EPOCH = 2
BATCH = 8
CONV, LAYER = "module.layer1.0.conv1.weight", "blocks.0.first.conv"
TIMES = "starting_epoch: 0, ending_epoch: 2, frequency: 1"


def subject() -> Subject:
    return open_subject(NAME, side=SHAPE.height)


def schedule(section: str, component: str, args: str = "", times: str = TIMES) -> str:
    """One component of a section, and its policy with arguments."""
    word = {"lr_schedulers": "lr_scheduler"}.get(section, section.removesuffix("s"))
    given = f", args: {{{args}}}" if args else ""
    return (
        f"version: 1\n{section}:\n  one: {{class: {component}}}\npolicies:\n"
        f"  - {{{word}: {{instance_name: one{given}}}, {times}}}\n"
    )


def read(text: str, learnt: int = 0) -> Reading:
    return distiller.read(text, FILE, subject(), learnt)


def read_for(text: str, other: Subject) -> Reading:
    return distiller.read(text, FILE, other, 0)


def recipe_of(text: str) -> Recipe:
    found = read(text).recipe
    assert found is not None
    return found


def network_of() -> nn.Module:
    return settle(subject().build(seed=0)).train()


def images(number: int) -> tuple[Tensor, Tensor]:
    chance = torch.Generator().manual_seed(number)
    x = torch.randn(BATCH, SHAPE.channels, SHAPE.height, SHAPE.width, generator=chance)
    return x, torch.randint(10, (BATCH,), generator=chance)


def seen(count: int) -> Sequence[tuple[Tensor, Tensor]]:
    return [images(99)]


def plan_for(recipe: Recipe, epochs: int) -> Plan:
    peak = named_schedule("cosine", epochs, PER_EPOCH, 0.0, 0.0)
    return Plan(BATCH, 1, PER_EPOCH, epochs * PER_EPOCH, 0.05, peak, recipe.rates)


def learner_of(recipe: Recipe, epochs: int, network: nn.Module, lr: float = 0.05) -> Learner:
    companion = recipe.accompany(network, SHAPE, plan_for(recipe, epochs), seen)
    manner = Manner(loss=LabelLoss(), **USUAL)
    return Learner(network, sgd(network, lr, 0.9, 1e-4), manner, Alone(), companion)


@dataclass
class Run:
    """A training that has ended, and the weight of a layer: at first, and behind every step."""

    learner: Learner
    first: Tensor
    after: list[Tensor]

    @property
    def plain(self) -> nn.Module:
        return self.learner.plain()

    def left(self, layer: str = LAYER) -> Tensor:
        """The weight of a layer in what is left."""
        return weight_of(self.plain, layer)

    def gone(self, step: int, axis: int = 0) -> list[int]:
        """The filters (axis 0) or channels (1) that were zero in a step."""
        rows = self.after[step].movedim(axis, 0).flatten(1)
        return (rows == 0).all(dim=1).nonzero().flatten().tolist()


def run(
    text: str,
    layer: str = LAYER,
    epochs: int = 2,
    network: nn.Module | None = None,
    lr: float = 0.05,
) -> Run:
    """Train under a schedule."""
    return run_recipe(recipe_of(text), layer, epochs, network, lr)


def run_recipe(
    recipe: Recipe,
    layer: str = LAYER,
    epochs: int = 2,
    network: nn.Module | None = None,
    lr: float = 0.05,
) -> Run:
    """Train under a recipe."""
    network = network_of() if network is None else network
    first = weight_of(network, layer)
    learner = learner_of(recipe, epochs, network, lr)
    found = Run(learner, first, [])
    for step in range(epochs * PER_EPOCH):
        learner.step(step, [images(step)])
        found.after.append(weight_of(network, layer))
    return found


def weight_of(network: nn.Module, layer: str) -> Tensor:
    weight = network.get_submodule(layer).weight
    assert isinstance(weight, Tensor)
    return weight.detach().clone()


def lowest(worth: Tensor, count: int) -> list[int]:
    return sorted(worth.argsort()[:count].tolist())
