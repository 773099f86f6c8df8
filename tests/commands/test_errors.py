"""A user's mistake: exit code 2, one or two lines that say what to do, nothing half-written."""

from pathlib import Path

import pytest

from proxyless_nas import hand_made
from tests.commands.helpers import assert_refused, run, run_here


def search_words(table: Path, out: Path, target: float = 1.0) -> list[object]:
    return [
        *("-m", "search", "proxyless", "--space", "smoke", "--table", table),
        *("--budget", target, "--out", out),
    ]


@pytest.mark.parametrize(
    ("program", "flag", "hint"),
    [
        (["main.py"], "--epohcs", "--epochs"),
        (["eval.py"], "--arhc", "--arch"),
        (["-m", "search", "proxyless"], "--budgett", "--budget"),
        (["-m", "latency_tables", "measure"], "--toleranse", "--tolerance"),
        (["-m", "examples.main_road"], "--widhts", "--widths"),
    ],
)
def test_a_mistyped_flag(program: list[str], flag: str, hint: str) -> None:
    assert_refused(run_here(*program, flag, "3"), flag, "--help", hint)


def test_a_mistyped_command_names_the_right_one() -> None:
    assert_refused(run("-m", "search", "proxyles"), "did you mean proxyless")


def test_a_flag_without_a_sensible_value(tmp_path: Path) -> None:
    assert_refused(
        run_here("main.py", "--arch", "x", "--out", tmp_path, "--epochs", "many"), "--epochs"
    )


def test_a_missing_dataset(table: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    nowhere = tmp_path / "nowhere"
    assert_refused(run_here(*search_words(table, out), "--path", nowhere), str(nowhere))
    assert not out.exists()
    hand_made("smoke").save(str(tmp_path / "spec.json"))
    words = ["main.py", "--arch", tmp_path / "spec.json", "--out", out, "--path", nowhere]
    assert_refused(run_here(*words), str(nowhere))
    assert_refused(run_here(*words, "--dataset", "folder"), str(nowhere))
    assert not out.exists()


def test_a_corrupt_table(table: Path, tmp_path: Path) -> None:
    out, torn = tmp_path / "out", tmp_path / "torn.json"
    torn.write_bytes(table.read_bytes()[:500])
    assert_refused(run_here(*search_words(torn, out)), "torn.json", "latency_tables measure")
    assert_refused(run_here("-m", "latency_tables", "check", "--table", torn), "torn.json")
    assert_refused(run_here(*search_words(tmp_path / "no.json", out)), "no.json")
    assert not out.exists()


def test_a_table_of_another_space_names_the_command_that_measures_the_right_one(
    table: Path, tmp_path: Path
) -> None:
    words = [str(word) for word in search_words(table, tmp_path / "out")]
    words[words.index("smoke")] = "fashion"
    assert_refused(run_here(*words), "latency_tables measure --space fashion")
    assert not (tmp_path / "out").exists()


def test_an_impossible_budget(table: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert_refused(run_here(*search_words(table, out, 1e-6)), "cannot be met", "ask for at least")
    assert not out.exists()


def test_weights_of_another_network(tmp_path: Path) -> None:
    from proxyless_nas.weights import save_tensors

    hand_made("smoke").save(str(tmp_path / "spec.json"))
    save_tensors(tmp_path / "weights.pt", hand_made("smoke", 2.0).build(0).state_dict())
    assert_refused(
        run_here("eval.py", "--arch", tmp_path / "spec.json"), "weights.pt", "hand-made-1"
    )


def test_a_description_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "spec.json").write_text('{"name": "x"}')
    words = ["main.py", "--arch", tmp_path / "spec.json", "--out", tmp_path / "out"]
    assert_refused(run_here(*words), "spec.json", "missing required field")
    assert not (tmp_path / "out").exists()
