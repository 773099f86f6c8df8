"""When: Distiller's and PocketFlow's curves to the digit, and every update at its step."""

import msgspec
import pytest

from compression.schedule import (
    Agp,
    Linear,
    Listed,
    Ramp,
    Uniform,
    When,
    values_by_step,
    values_of,
)

PUBLISHED = [
    # start, stop, begin, end, every, values; `distiller.md`, section 1.1
    (
        0.1,
        0.5,
        0,
        30,
        2,
        {0: 0.1, 1: 0.17974, 2: 0.2481, 3: 0.30598, 7: 0.45, 10: 0.49067, 14: 0.5},
    ),
    (0.1, 0.4, 0, 20, 2, {0: 0.1, 1: 0.1893, 2: 0.25885, 5: 0.37366, 8: 0.39959, 9: 0.4}),
    (0.05, 0.7, 30, 50, 2, {0: 0.05, 1: 0.24348, 4: 0.58855, 8: 0.69911, 9: 0.7}),
]


@pytest.mark.parametrize("start, stop, begin, end, every, known", PUBLISHED)
def test_agp_is_that_of_distiller(
    start: float, stop: float, begin: int, end: int, every: int, known: dict[int, float]
) -> None:
    steps = When(begin=begin, end=end, every=every).steps(10, 1000)
    assert steps == list(range(10 * begin, 10 * end, 10 * every))
    values = values_of(Agp(start=start, stop=stop), len(steps))
    assert {at: values[at] for at in known} == pytest.approx(known, abs=5e-6)
    removed = [int(32 * value) for value in values]
    if end == 30:
        assert removed == [3, 5, 7, 9, 11, 12, 13, 14, 14, 15, 15, 15, 15, 15, 16]


def test_agp_is_that_of_pocketflow_where_every_step_counts() -> None:
    steps = When(begin=10, end=51, unit="steps").steps(1, 100)
    values = dict(zip(steps, values_of(Agp(start=0, stop=0.75), len(steps)), strict=True))
    known = {20: 0.433594, 30: 0.65625, 40: 0.738281, 50: 0.75}
    assert {at: values[at] for at in known} == pytest.approx(known, abs=5e-7)


def test_other_curves() -> None:
    assert values_of(0.3, 3) == [0.3] * 3
    assert values_of(Linear(start=0, stop=1), 5) == [0, 0.25, 0.5, 0.75, 1]
    assert values_of(Listed(to=(0.1, 0.5)), 4) == [0.1, 0.5, 0.5, 0.5]
    assert [values_of(curve(start=0, stop=1), 1) for curve in (Linear, Agp)] == [[1], [1]]
    with pytest.raises(ValueError, match="a list of 2 values does not fit 1 times"):
        values_of(Listed(to=(0.1, 0.5)), 1)


def test_times() -> None:
    assert When(unit="steps", every=3).steps(100, 8) == [0, 3, 6]
    assert When(begin=0.5, end=2, every=0.5).steps(10, 100) == [5, 10, 15]
    assert When(every=0.01).steps(10, 5) == [0, 1, 2, 3, 4]
    assert When(end=10, every=5).steps(10, 100) == [0, 50]
    with pytest.raises(ValueError, match=r"end at epoch 11, but the training ends at 10"):
        When(end=11).steps(10, 100)
    with pytest.raises(ValueError, match=r"nothing lies between epochs 1 and 1\.01"):
        When(begin=1, end=1.01).steps(10, 100)
    with pytest.raises(ValueError, match="power"):
        Agp(start=0, stop=1, power=-1)
    with pytest.raises(ValueError, match=r"begin at epoch 3, but the training ends at 2"):
        When(begin=3).steps(10, 20)
    for begin, end, every in ((-1, None, 1), (0, None, 0), (3, 3, 1)):
        with pytest.raises(ValueError):
            When(begin=begin, end=end, every=every)


def test_a_ramp_is_that_of_the_authors() -> None:
    """Narang et al. 2017: with a slope of 1.5 theta the threshold ends near q."""
    ramp = Ramp(q=0.33, turn=3, steeper=1.5)
    theta = 2 * 0.33 / (2 * 3 + 3 * 7)
    values = values_of(ramp, 10)
    assert values[:3] == pytest.approx([theta, 2 * theta, 3 * theta])
    assert values[3:5] == pytest.approx([4 * theta + 1.5 * theta, 4 * theta + 3 * theta])
    assert values[-1] == pytest.approx(0.33, rel=0.1)
    with pytest.raises(ValueError, match="a turn at time 4 does not lie among 3 times"):
        values_of(Ramp(q=1, turn=4), 3)


def test_times_one_by_one_and_again_within_their_epochs() -> None:
    few = When(times=(0, 3, 4.5))
    assert few.steps(4, 40) == [0, 12, 18] and few.last(4, 40) == 22
    assert few.rounds(4, 40) == [[0], [12], [18]]
    often = When(begin=1, end=3, again=3)
    assert often.rounds(4, 40) == [[4, 6], [8, 9]]
    with pytest.raises(ValueError, match="leave `again` out"):
        often.steps(4, 40)
    with pytest.raises(ValueError, match=r"work at epoch 4\.5, but the training ends at 4"):
        few.steps(4, 16)
    for wrong in ({"times": (3, 1)}, {"times": (1,), "begin": 2}, {"again": 0},
                  {"again": 2, "unit": "steps"}):  # fmt: skip
        with pytest.raises(ValueError):
            msgspec.convert(wrong, When)


def test_curves_go_by_rounds_and_chance_by_steps() -> None:
    rounds = [[0, 1], [4, 5, 6]]
    assert values_by_step(Linear(start=0, stop=1), rounds) == {0: 0, 1: 0, 4: 1, 5: 1, 6: 1}
    assert values_by_step(0.5, rounds) == dict.fromkeys((0, 1, 4, 5, 6), 0.5)
    drawn = values_by_step(Uniform(low=0.1, high=0.2), rounds)
    assert len(set(drawn.values())) == 5 and all(0.1 <= one <= 0.2 for one in drawn.values())
    assert drawn == values_by_step(Uniform(low=0.1, high=0.2), rounds)
