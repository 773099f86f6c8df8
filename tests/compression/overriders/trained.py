"""A small training under chains of overriders, for the tests of their step."""

from typing import Any

from torch import Tensor, nn

from compression.masks import Level, MeanStd, Surgery
from compression.overriders import (
    AnyOverrider,
    Fixed,
    Float,
    Incremental,
    Log,
    Mixed,
    Recentre,
    Shift,
    Ternary,
    ThresholdBinary,
)
from compression.recipe import Recipe
from compression.schedule import When
from compression.selectors import Where
from compression.steps import AnyStep, OverrideStep
from proxyless_nas.layer import Shape
from tests.training.learning import USUAL, images, plain_network, short_plan
from training.learner import Learner, Manner
from training.losses import LabelLoss
from training.optimizer import sgd
from training.workers import Alone

SHAPE = Shape(3, 8, 8)
BOTH = Where(type=("Conv2d", "Linear"))
FIXED = Fixed(width=6, point=1)
DYNAMIC = Fixed(width=6, overflow=0.01)
SURGERY = Surgery(alpha=0.0)
STEPS = 8
OFTEN = When(every=0.5)

CHAINS: dict[str, tuple[AnyOverrider, ...]] = {
    "surgery and fixed": (SURGERY, FIXED),
    "fixed and level": (DYNAMIC, Level(share=0.5)),
    "mean-std and ternary": (MeanStd(alpha=-0.5), Ternary(base=-1, per="channel")),
    "recentre and level": (
        Recentre(grid=Shift(width=3, overflow=0.0), means=DYNAMIC, penalty=0.01),
        Level(share=0.4),
    ),
    "surgery and incremental": (SURGERY, Incremental(grid=Shift(width=4, overflow=0.0))),
    "by chance": (Fixed(width=5, overflow=0.0, stochastic=True), Log(width=6, point=5)),
    "searched float": (Float(width=5, mantissa="search", overflow=0.01),),
    "mixed": (Mixed(grids=(Shift(width=4, bias=8), FIXED)),),
    "courbariaux and binary": (
        Fixed(width=6, overflow=0.0, rule="courbariaux"),
        ThresholdBinary(threshold=0.01),
    ),
}


def seen(count: int) -> list[tuple[Tensor, Tensor]]:
    return [images(16, 99)]


def taught(*steps: AnyStep, network: nn.Module | None = None, **how: Any) -> Learner:
    network = plain_network() if network is None else network
    companion = Recipe(steps).accompany(network, SHAPE, short_plan(2, STEPS), seen)
    manner = Manner(loss=LabelLoss(), **{**USUAL, **how})
    return Learner(network, sgd(network, 0.05, 0.9, 1e-2), manner, Alone(), companion)


def learn(learner: Learner, begin: int, end: int) -> None:
    for number in range(begin, end):
        learner.step(number, [images(8, number)])


def weight_of(network: nn.Module, layer: str, own: str = "weight") -> Tensor:
    return getattr(network.get_submodule(layer), own).detach()


def below(network: nn.Module, layer: str) -> nn.Parameter:
    return network.get_submodule(layer).get_parameter("parametrizations.weight.original")


def over(chain: tuple[AnyOverrider, ...], of: Any = "weight", **how: Any) -> OverrideStep:
    return OverrideStep(**{"of": of, "chain": chain, "where": BOTH, "when": OFTEN, **how})
