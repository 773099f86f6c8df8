"""What holds for every strategy that is told how much of a goal options exceed."""

from collections.abc import Callable
from typing import get_args

import numpy as np
import pytest
import torch

from search.choices import Choices, Evidence
from search.strategies import AnyByExcess, BackTracking, LeastLost, Uniform

COUNTS = (4, 3, 4)


def excess(options: tuple[int, ...]) -> float:
    """No sum: knobs in the middle count with both neighbours."""
    a, b, c = (1 - option / count for option, count in zip(options, COUNTS, strict=True))
    return (a * b + b * c) / 0.8


def seen_of(choices: Choices) -> Evidence:
    lost = sum((1 + knob) * option for knob, option in enumerate(choices.options)) / 50
    return Evidence(torch.tensor(lost), torch.tensor(1 - lost))


def straight(count: int) -> Callable[[dict[int, float]], np.ndarray]:
    return lambda known: np.interp(range(count), sorted(known), [known[o] for o in sorted(known)])


MAKERS: dict[type, Callable[[], AnyByExcess]] = {
    LeastLost: lambda: LeastLost(
        COUNTS, excess, [(1,), (1, 2), (3,)], [straight(c) for c in COUNTS], 4, 2
    ),
    BackTracking: lambda: BackTracking(COUNTS, excess, drop=1.0),
    Uniform: lambda: Uniform(COUNTS, ["a", "b", "a"], excess),
}
every = pytest.mark.parametrize("kind", get_args(AnyByExcess))


def advance(strategy: AnyByExcess, rounds: int) -> list[tuple[Choices, ...]]:
    said: list[tuple[Choices, ...]] = []
    for _ in range(rounds):
        asked = strategy.ask()
        strategy.tell(asked, [seen_of(one) for one in asked])
        said.append(asked)
    return [*said, (strategy.best(),)]


def test_every_one_is_looked_at() -> None:
    assert set(MAKERS) == set(get_args(AnyByExcess))


@every
def test_its_answer_meets_the_goal_when_it_asks_no_more(kind: type) -> None:
    strategy = MAKERS[kind]()
    while any(advance(strategy, 1)[0]):
        for one in (*strategy.ask(), strategy.sample(), strategy.best()):
            assert all(0 <= o < count for o, count in zip(one.options, COUNTS, strict=True))
        p = strategy.probabilities()
        assert p.shape == (3, 4)
        torch.testing.assert_close(p.sum(dim=1), torch.ones(3, dtype=p.dtype))
        assert all(isinstance(value, float) for value in strategy.told().values())
    assert excess(strategy.best().options) <= 1


@every
def test_from_its_state_it_continues_as_if_never_stopped(kind: type) -> None:
    first, second = MAKERS[kind](), MAKERS[kind]()
    advance(first, 2)
    second.restore(first.state())
    assert advance(second, 6) == advance(first, 6)
