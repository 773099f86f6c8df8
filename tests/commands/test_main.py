"""main.py scores on what it was told to score on."""

import json
from pathlib import Path

import pytest

from proxyless_nas import hand_made
from proxyless_nas.weights import load_weights
from tests.commands.helpers import assert_refused, run, run_well
from training.datasets import open_dataset
from training.evaluate import evaluate

FLAGS = "--limit 1000 --held-out 200 --epochs 1 --batch-size 100 --seed 7 --threads 1"


@pytest.mark.slow
def test_held_out_scores_on_training_images_that_were_not_trained_on(tmp_path: Path) -> None:
    spec = hand_made("smoke")
    spec.save(str(tmp_path / "arch.json"))
    out = tmp_path / "out"
    said = run_well("main.py", "--arch", tmp_path / "arch.json", "--out", out, *FLAGS.split())
    assert "on 200 held-out training images" in said
    network = spec.build(seed=0)
    load_weights(network, out / "weights.pt")
    parts = open_dataset("fashion", limit=1000).split(200, seed=7)
    expected = evaluate(network, parts.test_batches(256))
    result = json.loads((out / "result.json").read_text())
    assert (result["images"], result["top1"]) == (200, expected.top1)
    assert result["loss"] == pytest.approx(expected.loss, rel=1e-5)


def test_holding_out_everything_is_refused(tmp_path: Path) -> None:
    hand_made("smoke").save(str(tmp_path / "arch.json"))
    words = ["main.py", "--arch", tmp_path / "arch.json", "--out", tmp_path / "out"]
    assert_refused(run(*words, "--limit", 100, "--held-out", 100), "cannot hold 100 out of 100")
    assert not (tmp_path / "out").exists()
