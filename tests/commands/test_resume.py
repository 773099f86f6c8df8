"""A run that was killed and started again ends as an unbroken one."""

from pathlib import Path

import pytest
import torch

from latency_tables.cost import TableLatency
from latency_tables.table import LatencyTable
from proxyless_nas import hand_made, load_spec
from proxyless_nas.weights import load_tensors
from tests.commands.helpers import (
    assert_refused,
    kill_when,
    records,
    run_here,
    well,
)
from tests.search.running import MIDDLE, assert_same, left_in


def middle_of(table: Path) -> float:
    """A latency that the smoke space can meet with many networks."""
    return 0.9 * TableLatency(LatencyTable.load(table)).network(hand_made("smoke"))


@pytest.mark.slow
def test_a_killed_search_ends_with_the_same_spec_logits_and_log(table: Path, tmp_path) -> None:
    def words(name: str) -> list[object]:
        # a checkpoint at every step: the kill can fall anywhere between two of them
        flags = (
            "--space smoke --limit 1800 --held-out 360 --batch-size 60 --epochs 3 "
            "--warmup-epochs 1 --arch-every 1 --threads 1 --checkpoint-seconds 0"
        )
        return [
            *("-m", "search", "proxyless", *flags.split()),
            *("--table", table, "--budget", middle_of(table), "--out", tmp_path / name),
        ]

    well(run_here(*words("whole")))
    log = tmp_path / "broken" / "log.jsonl"
    whole_log = records(tmp_path / "whole" / "log.jsonl")
    warm_up = sum(line["phase"] == "warm-up" for line in whole_log)
    seen = kill_when(words("broken"), log, warm_up // 2)
    assert seen < warm_up
    seen = kill_when(words("broken"), log, warm_up + 6)
    assert seen < len(whole_log)
    well(run_here(*words("broken")))

    whole, broken = (tmp_path / name for name in ("whole", "broken"))
    assert load_spec(str(broken / "spec.json")) == load_spec(str(whole / "spec.json"))
    assert (broken / "found.json").read_bytes() == (whole / "found.json").read_bytes()
    assert whole_log == records(log)
    assert records(whole / "tries.jsonl") == records(broken / "tries.jsonl")
    last = [load_tensors(folder / "last.pt")["strategy"]["logits"] for folder in (whole, broken)]
    assert torch.equal(*last)
    assert last[0][last[0].isfinite()].abs().max() > 0.1  # there was something to lose
    kept = [load_tensors(folder / "weights.pt") for folder in (whole, broken)]
    assert all(torch.equal(kept[0][name], kept[1][name]) for name in kept[0])


@pytest.mark.slow
def test_an_evolution_killed_in_its_rounds_for_a_second_budget_ends_as_unbroken(tmp_path) -> None:
    budgets = (MIDDLE, 0.9 * MIDDLE)

    def words(name: str) -> list[object]:
        flags = (
            "--space smoke --cost macs --tolerance 0.5 --limit 400 --held-out 200 --batch-size 50 "
            "--epochs 1 --generations 16 --networks 8 --judged-on 200 --threads 1 --workers 0 "
            "--device cpu --checkpoint-seconds 0"
        )
        begun = ["-m", "search", "evolution", *flags.split(), "--out", tmp_path / name]
        return [*begun, "--budget", *budgets]

    well(run_here(*words("whole")))
    first, second = (f"{budget:.12g}" for budget in budgets)
    whole = [left_in(tmp_path / "whole" / name) for name in (first, second)]
    trained = sum(line["phase"] == "warm-up" for line in whole[1]["log"])
    seen = kill_when(words("broken"), tmp_path / "broken" / second / "log.jsonl", trained + 1)
    assert trained < seen < len(whole[1]["log"])
    well(run_here(*words("broken")))
    assert_same([left_in(tmp_path / "broken" / name) for name in (first, second)], whole)


COMPRESSED = """
steps:
  - {do: channels, macs: {curve: linear, start: 0.9, stop: 0.8}, when: {end: 2}}
  - {do: teach, when: {begin: 1, end: 3}}
  - {do: penalty, where: {type: Conv2d}, kind: {of: l1}, strength: 0.0001}
  - do: mask
    method: {by: level, share: {curve: agp, start: 0.1, stop: 0.8}}
    where: {type: [Conv2d, Linear]}
    when: {begin: 0.5, end: 3.5, every: 0.1}
    rewind: {to: 0.3}
"""


@pytest.mark.slow
@pytest.mark.parametrize("recipe", [None, COMPRESSED])
def test_a_killed_training_ends_with_the_same_weights_and_log(
    recipe: str | None, tmp_path: Path
) -> None:
    file = tmp_path / "recipe.yaml"
    hand_made("smoke").save(str(tmp_path / "spec.json"))

    def words(name: str) -> list[object]:
        flags = (
            "--limit 2000 --epochs 4 --batch-size 50 --threads 1 --checkpoint-seconds 0 --shift 2"
        )
        more = [] if recipe is None else ["--compress", file]
        return [
            *("main.py", "--arch", tmp_path / "spec.json", "--out", tmp_path / name),
            *flags.split(),
            *more,
        ]

    file.write_text(recipe or "")
    said = well(run_here(*words("whole")))
    kill_when(words("broken"), tmp_path / "broken" / "log.jsonl", 4)
    if recipe is not None:
        file.write_text(recipe.replace("0.8", "0.7"))
        assert_refused(run_here(*words("broken")), "recipe.yaml has changed since the run")
        file.unlink()
    well(run_here(*words("broken")))
    whole, broken = (load_tensors(tmp_path / name / "weights.pt") for name in ("whole", "broken"))
    assert whole.keys() == broken.keys() == hand_made("smoke").build(seed=0).state_dict().keys()
    for key in whole:
        assert torch.equal(whole[key], broken[key]), key
    assert records(tmp_path / "whole" / "log.jsonl") == records(tmp_path / "broken" / "log.jsonl")
    matrices = [one for one in whole.values() if one.ndim > 1]
    left = sum(int(one.count_nonzero()) for one in matrices)
    spec = load_spec(str(tmp_path / "whole" / "spec.json"))
    spec.build().load_state_dict(whole)
    assert (f"{left:,} of " in said) == (recipe is not None) == (spec != hand_made("smoke"))
    if recipe is not None:
        before = hand_made("smoke")
        assert spec.macs <= 0.8 * before.macs
        assert left <= 0.2 * sum(layer.weights for layer in before.layers())
    best = load_tensors(tmp_path / "broken" / "best.pt")["network"]
    assert best.keys() == whole.keys()


def test_another_config_in_the_same_folder_is_refused_and_the_run_is_kept(tmp_path) -> None:
    from training.config import TrainConfig
    from training.run_folder import RunFolder

    config = TrainConfig(arch="a.json", out=str(tmp_path))
    folder = RunFolder(tmp_path, config)
    with pytest.raises(ValueError, match="another process is at work"):
        RunFolder(tmp_path, config)
    folder.close()
    before = (tmp_path / "config.json").read_bytes()
    with pytest.raises(ValueError, match="epochs = 150, not 7: name another folder"):
        RunFolder(tmp_path, TrainConfig(arch="a.json", out=str(tmp_path), epochs=7))
    assert (tmp_path / "config.json").read_bytes() == before
