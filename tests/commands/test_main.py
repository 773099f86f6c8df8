"""main.py trains what it is told to train, scores what it is told to score, and loses nothing."""

import json
import re
from pathlib import Path

import pytest
import torch

from proxyless_nas import hand_made
from proxyless_nas.weights import load_tensors, load_weights
from tests.commands.helpers import assert_refused, records, run_here, well
from training.datasets import open_dataset
from training.evaluate import evaluate

FLAGS = "--dataset fashion --limit 1000 --epochs 2 --batch-size 100 --base-lr 0.5 --seed 7"
QUICK = "--warmup-epochs 0.5 --threads 1 --val-batch-size 250"


def words(out: Path, *more: object) -> list[object]:
    """Train the smoke space's hand-made network into `out`."""
    arch = out.parent / "arch.json"
    hand_made("smoke").save(str(arch))
    return ["main.py", "--arch", arch, "--out", out, *FLAGS.split(), *QUICK.split(), *more]


def result_of(out: Path) -> dict[str, float]:
    return json.loads((out / "result.json").read_text())


def same_weights(one: Path, other: Path) -> bool:
    kept = [load_tensors(folder / "weights.pt") for folder in (one, other)]
    return all(torch.equal(kept[0][name], kept[1][name]) for name in kept[0])


def test_held_out_scores_on_training_images_that_were_not_trained_on(tmp_path: Path) -> None:
    out = tmp_path / "out"
    said = well(run_here(*words(out, "--held-out", 200)))
    assert "on 200 held-out training images" in said
    network = hand_made("smoke").build(seed=0)
    load_weights(network, out / "weights.pt")
    parts = open_dataset("fashion", limit=1000).split(200, seed=7)
    expected = evaluate(network, parts.test_batches(256))
    result = result_of(out)
    assert (result["images"], result["top1"]) == (200, expected.top1)
    assert result["loss"] == pytest.approx(expected.loss, rel=1e-5)


def test_what_a_run_leaves(tmp_path: Path) -> None:
    out = tmp_path / "out"
    well(run_here(*words(out, "--format", "checkpoint-{epoch}.pth.tar", "--log-every", 7)))
    names = {file.name for file in out.iterdir()}
    assert names >= {"config.json", "spec.json", "weights.pt", "best.pt", "last.pt", "log.jsonl"}
    log = records(out / "log.jsonl")
    assert [line["step"] for line in log if "train_loss" in line] == [7, 10, 14, 20]
    scores = [line["val"]["top1"] for line in log if "val" in line]
    assert load_tensors(out / "best.pt")["epoch"] == 1 + scores.index(max(scores))
    assert result_of(out)["top1"] == scores[-1]
    states = [load_tensors(out / f"checkpoint-{epoch}.pth.tar") for epoch in (1, 2)]
    last = load_tensors(out / "weights.pt")
    assert all(torch.equal(states[1]["network"][name], last[name]) for name in last)
    assert not torch.equal(states[0]["network"]["stem.conv.weight"], last["stem.conv.weight"])
    again = tmp_path / "again"
    config = json.loads((out / "config.json").read_text())
    assert (config["epochs"], config["global_batch"], config["base_lr"]) == (2, 100, 0.5)
    well(run_here("main.py", "--from", out / "config.json", "--out", again))
    assert same_weights(out, again)


@pytest.mark.slow
def test_a_run_starts_over_when_told_and_refuses_another_config(tmp_path: Path) -> None:
    out, fresh = tmp_path / "out", tmp_path / "fresh"
    well(run_here(*words(out)))
    other = words(out, "--wd", 0.01)
    assert_refused(run_here(*other), "holds a run with wd = 5e-05, not 0.01")
    well(run_here(*other, "--no-resume"))
    well(run_here(*words(fresh, "--wd", 0.01)))
    assert same_weights(out, fresh)
    assert records(out / "log.jsonl") == records(fresh / "log.jsonl")


def test_a_loss_that_is_no_number_stops_the_run_and_keeps_the_checkpoint(tmp_path: Path) -> None:
    out = tmp_path / "out"
    explosive = words(out, "--wd", 50, "--checkpoint-seconds", 0, "--log-every", 1)
    done = run_here(*explosive)
    assert done.returncode == 2
    assert re.search(r"error: .*not finite by step \d+: .*--base-lr.*--clip-norm", done.stderr)
    state = load_tensors(out / "last.pt")
    assert all(value.isfinite().all() for value in state["learner"]["network"].values())
    assert records(out / "log.jsonl")[-1]["step"] == state["step"]


@pytest.mark.slow
@pytest.mark.parametrize("left", [0, 5000])
def test_a_damaged_checkpoint_falls_back_to_the_one_before(left: int, tmp_path: Path) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    well(run_here(*words(whole, "--checkpoint-seconds", 0)))
    well(run_here(*words(broken, "--checkpoint-seconds", 0)))
    last = broken / "last.pt"
    last.write_bytes(last.read_bytes()[:left])
    (broken / "weights.pt").unlink()
    done = run_here(*words(broken, "--checkpoint-seconds", 0))
    well(done)
    assert "last.pt is not a readable torch file" in done.stderr
    assert "previous.pt, step 19" in done.stderr
    assert same_weights(whole, broken)
    assert records(whole / "log.jsonl") == records(broken / "log.jsonl")


@pytest.mark.slow
def test_every_means_of_training_together(tmp_path: Path) -> None:
    """They must go together; what each does is told where it stands."""
    teacher, out = tmp_path / "teacher", tmp_path / "out"
    longer = ("--epochs", 6, "--base-lr", 0.1)
    well(run_here(*words(teacher, *longer)))
    means = (
        "--label-smoothing --ema 0.9 --clip-norm 5 --mixup 0.2 --cutmix 1 --erasing 0.3 --cutout 8 "
        "--shift 2 --distort-color normal --precision bf16 --accumulate 2 --reestimate-bn 4 "
        "--no-wd-bn --no-wd depthwise --nesterov --dropout 0.1 --cell-drop 0.1 --val-every None"
    )
    lessons = ["--teacher", teacher / "spec.json", "--weights", teacher / "weights.pt"]
    said = well(run_here(*words(out, *longer, *means.split(), *lessons, "--batch-size", 50)))
    assert "100 images per step = 1 x 100 in 2 passes" in said
    assert result_of(out)["top1"] > 0.4
    assert not (out / "best.pt").exists()


def test_a_network_of_torchvision_with_other_classes(tmp_path: Path) -> None:
    from PIL import Image

    for part in ("train", "val"):
        for label in range(2):
            (tmp_path / part / f"c{label}").mkdir(parents=True)
            for number in range(3):
                image = Image.new("RGB", (40, 40), (90 * label, 20 * number, 0))
                image.save(tmp_path / part / f"c{label}" / f"{number}.png")
    flags = "--arch squeezenet1_1 --dataset folder --resolution 32 --epochs 1 -b 3 --workers 0"
    folders = ["--train-dir", tmp_path / "train", "--val-dir", tmp_path / "val"]
    well(run_here("main.py", *flags.split(), *folders, "--out", tmp_path / "out"))
    weights = load_tensors(tmp_path / "out" / "weights.pt")
    assert weights["classifier.1.weight"].shape[0] == 2
    kept = ["--weights", tmp_path / "out" / "weights.pt"]
    score = ["--num-classes", 2, "--dataset", "folder", "--path", tmp_path, "--resolution", 32]
    printed = well(run_here("eval.py", "-a", "squeezenet1_1", *score, *kept))
    top1 = result_of(tmp_path / "out")["top1"]
    assert f"top-1                 {top1:.2%}" in printed
    again = ["main.py", *flags.split(), *folders, *kept, "--out", tmp_path / "again"]
    well(run_here(*again))
    refused = run_here("main.py", *flags.split(), *folders, "--cell-drop", 0.1)
    assert_refused(refused, "--cell-drop")
    flags = flags.replace("squeezenet1_1", "googlenet")
    assert_refused(run_here("main.py", *flags.split(), *folders), "several heads")


def test_what_cannot_be_trained_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    out = tmp_path / "out"
    for flags, said in (
        (("--held-out", 1000), "cannot hold 1000 out of 1000"),
        (("--batch-size", 2000), "1000 training images are fewer than the 2000"),
        (("--precision", "fp16"), "fp16 is for GPUs"),
        (("--train-dir", tmp_path), "no folders of its own"),
        (("--teacher", "mobilenet_v2"), "1000 classes apart"),
        (("--path-drop", 0.1), "no tree blocks"),
        (("--distributed", "torch"), "torchrun --nproc-per-node"),
        (("--epochs", -1), "--epochs -1 is below 0"),
    ):
        assert_refused(run_here(*words(out, *flags)), said)
        assert not out.exists()


def test_imagenet_is_looked_for_where_the_original_keeps_it(tmp_path: Path) -> None:
    done = run_here("main.py", "--arch", "proxyless_gpu", "--log-dir", tmp_path / "logs")
    assert_refused(done, "/ssd/dataset/imagenet", "--path")
    assert not (tmp_path / "logs").exists()
