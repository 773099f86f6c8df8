"""The objective's factors are the derivatives of its value."""

import pytest

from search.objective import Objective


@pytest.mark.parametrize("loss", ["add", "mul-log"])
@pytest.mark.parametrize("expected", [60.0, 100.0, 180.0])
def test_factors_equal_finite_differences(loss, expected: float) -> None:
    objective = Objective(100.0, 0.05, loss, 0.4)
    task, step = 0.7, 1e-5
    by_task = objective.value(task + step, expected) - objective.value(task - step, expected)
    by_cost = objective.value(task, expected + step) - objective.value(task, expected - step)
    f_task, f_cost = objective.factors(task, expected)
    assert f_task == pytest.approx(by_task / (2 * step), rel=1e-5)
    assert f_cost == pytest.approx(by_cost / (2 * step), rel=1e-4)


def test_the_weight_grows_above_the_target_and_shrinks_below() -> None:
    objective = Objective(100.0, 0.05, "add", 0.4)
    objective.adapt(150.0)
    assert objective.weight > 0.4
    objective = Objective(100.0, 0.05, "add", 0.4)
    objective.adapt(50.0)
    assert objective.weight < 0.4
    objective = Objective(100.0, 0.05, "add", 0.4)
    objective.adapt(100.0)
    assert objective.weight == 0.4


def test_the_logarithmic_loss_refuses_a_target_it_cannot_take_the_logarithm_of() -> None:
    with pytest.raises(ValueError, match=r"above 1, not 0\.5"):
        Objective(0.5, 0.05, "mul-log", 0.4)


def test_a_reward_falls_with_the_cost_by_the_given_power() -> None:
    objective = Objective(80.0, 0.05, "add", 0.1)
    assert objective.reward(0.7, 80.0) == 0.7
    assert objective.reward(0.7, 160.0) == pytest.approx(0.7 * 0.5**0.1)
