"""A search repeats exactly, and one that was killed ends as if it never had been."""

from pathlib import Path

import pytest

from proxyless_nas.weights import load_tensors
from search import loop
from tests.search.running import (
    EVERY_SECOND,
    MIDDLE,
    PRESETS,
    ROUND,
    STEPS,
    WARM_UP,
    assert_same,
    left_in,
    run,
    run_killed,
    tiny,
)
from training.run_folder import RunFolder, read_log

pytestmark = pytest.mark.slow
BY_SLOPES, BY_REWARDS = 2, 1 + ROUND
"""Calls of the evaluator per step behind the warm-up."""
DEATHS = {
    "two paths": ((WARM_UP + 5 * BY_SLOPES + 2, 10), (7 * BY_SLOPES + 1, 16)),
    "all paths": ((WARM_UP + 5 * BY_SLOPES + 2, 10), (7 * BY_SLOPES + 1, 16)),
    "reinforce": ((WARM_UP + 5 * BY_REWARDS + 3, 10), (7 * BY_REWARDS + 3, 16)),
    "evolution": ((STEPS + ROUND + 2, STEPS), (2 * ROUND + 2, STEPS + 2)),
    "random": ((STEPS, STEPS - 2), (2 + 2, STEPS)),
}
"""Two lives each: the call that never answers, and the step from which the next life goes on."""


@pytest.mark.parametrize("preset", PRESETS)
def test_a_seed_is_one_search_killed_or_not(preset: str, tmp_path: Path) -> None:
    run(tiny(preset, tmp_path / "whole"))
    run(tiny(preset, tmp_path / "again"), chance=1)
    whole = left_in(tmp_path / "whole")
    assert len(whole["tries"]) > ROUND - 1 and whole["last"]["step"] >= STEPS
    assert_same(left_in(tmp_path / "again"), whole)

    broken = tiny(preset, tmp_path / "broken", checkpoint_seconds=EVERY_SECOND)
    for calls, kept in DEATHS[preset]:
        run_killed(broken, calls)
        assert load_tensors(tmp_path / "broken" / "last.pt")["step"] == kept
        assert read_log(tmp_path / "broken" / loop.LOG)[-1]["step"] >= kept
    run(broken, chance=2)
    assert_same(left_in(tmp_path / "broken"), whole)


@pytest.mark.parametrize("preset, rest", [("two paths", 8 * BY_SLOPES), ("evolution", 3 * ROUND)])
def test_each_of_several_budgets_is_as_if_alone_wherever_it_was_killed(
    preset: str, rest: int, tmp_path: Path
) -> None:
    """`rest`: the calls between the state that the first death left and the first budget's end."""
    budgets = (MIDDLE, 0.9 * MIDDLE)
    several = tiny(preset, tmp_path / "several", *budgets, checkpoint_seconds=EVERY_SECOND)
    first, second = (tmp_path / "several" / f"{budget:.12g}" for budget in budgets)
    (calls, kept), _ = DEATHS[preset]

    run_killed(several, calls)
    warm_up = load_tensors(first / loop.WARM)["step"]
    assert not (first / "found.json").exists() and not second.exists()
    run_killed(several, rest + calls - warm_up)
    assert (first / "found.json").exists() and not (second / "found.json").exists()
    assert load_tensors(second / "last.pt")["step"] == kept
    assert read_log(second / loop.LOG)[-1]["step"] > kept
    run(several, chance=2)

    left = [left_in(first), left_in(second)]
    for number, budget in enumerate(budgets):
        run(tiny(preset, tmp_path / f"alone{number}", budget))
        alone = left_in(tmp_path / f"alone{number}")
        if number:  # nobody looked how good its own network was in the shared warm-up
            for line in alone["log"]:
                if line["phase"] == "warm-up":
                    line.pop("valid_accuracy", None)
        assert_same(left[number], alone)
    assert left[0]["found.json"] != left[1]["found.json"]


def test_a_budget_that_another_process_is_searching_for_is_left_alone(tmp_path: Path) -> None:
    several = tiny("random", tmp_path, MIDDLE, 0.9 * MIDDLE)
    folder = tmp_path / f"{0.9 * MIDDLE:.12g}"
    with RunFolder(folder, tiny("random", folder, 0.9 * MIDDLE)):
        before = {file.name: file.read_bytes() for file in folder.iterdir()}
        with pytest.raises(ValueError, match="another process is at work"):
            run(several)
        assert {file.name: file.read_bytes() for file in folder.iterdir()} == before
