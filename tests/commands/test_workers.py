"""main.py on two workers, as the original is started: equal parameters, every image scored once,
and nothing lost when any of them is killed."""

import re
import signal
import subprocess
import time
from collections.abc import Callable
from os import kill
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from proxyless_nas import hand_made
from proxyless_nas.weights import load_tensors
from tests.commands.helpers import records, run_here, well
from tests.launch import (
    ENVIRONMENT,
    LAUNCHERS,
    ROOT,
    SECONDS,
    Launcher,
    launch,
    launched,
    worker_pid,
)
from tests.search.running import MIDDLE, assert_same, left_in

pytestmark = pytest.mark.slow
SCORED = 7
Words = Callable[[Path], list[object]]


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A small folder of photographs' kind: three classes, an odd number to score."""
    chance = np.random.default_rng(0)
    for part, counts in (("train", (8, 8, 8)), ("val", (3, 2, 2))):
        for label, count in enumerate(counts):
            folder = tmp_path / "pictures" / part / f"class{label}"
            folder.mkdir(parents=True)
            for number in range(count):
                pixels = chance.integers(0, 256, (40, 48, 3), np.uint8)
                Image.fromarray(pixels).save(folder / f"{number}.jpg")
    return tmp_path / "pictures"


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_the_originals_command_line_ends_with_equal_parameters(
    launcher: Launcher, pictures: Path, tmp_path: Path
) -> None:
    flags = "--arch proxyless_gpu --fp16-allreduce --color-jitter --label-smoothing --epochs 1"
    more = "--dataset folder --resolution 32 --batch-size 4 --workers 0"
    words = ["main.py", *flags.split(), *more.split(), "--path", pictures]
    done = launch(launcher, 2, *words, "--log-dir", tmp_path / "logs")
    said = well(done)
    engine = {"mpirun": "Horovod over MPI", "torchrun": "torch.distributed over gloo"}[launcher]
    assert f"2 workers ({engine})" in said
    assert "8 images per step = 2 x 4; 3 steps" in said
    assert "the same in all 2 workers" in said
    assert f"on {SCORED} test images" in said
    run = tmp_path / "logs" / "proxyless_gpu-1-cosine-color_jitter-label_smoothing"
    assert load_tensors(run / "weights.pt")["classifier.linear.weight"].shape[0] == 3
    (scored,) = [line["val"] for line in records(run / "log.jsonl") if "val" in line]
    assert scored["images"] == SCORED


def words_for(out: Path) -> list[object]:
    flags = (
        "--dataset fashion --limit 600 --epochs 4 --batch-size 25 --base-lr 0.2 --shift 2 "
        "--warmup-epochs 1 --dropout 0.3 --ema 0.9 --threads 1 --checkpoint-seconds 0 --log-every 1"
    )
    return ["main.py", "--arch", out.parent / "spec.json", "--out", out, *flags.split()]


def searching(out: Path) -> list[object]:
    flags = (
        "--space smoke --cost macs --tolerance 0.5 --limit 900 --held-out 180 --batch-size 25 "
        "--epochs 3 --warmup-epochs 1 --arch-every 1 --threads 1 --workers 0 --device cpu "
        "--checkpoint-seconds 0"
    )
    return ["-m", "search", "proxyless", *flags.split(), "--budget", MIDDLE, "--out", out]


def kill_a_worker(
    launcher: Launcher, rank: int, out: Path, lines: int, words: Words = words_for
) -> int:
    """SIGKILL worker `rank` once the log has so many lines; how many it had when all had ended."""
    log, deadline = out / "log.jsonl", time.monotonic() + SECONDS
    with subprocess.Popen(
        launched(launcher, 2, *words(out)),
        cwd=ROOT,
        env=ENVIRONMENT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            while not log.exists() or log.read_text().count("\n") < lines:
                assert process.poll() is None and time.monotonic() < deadline
                time.sleep(0.005)
            victim = worker_pid(process.pid, rank)
            assert victim is not None
            kill(victim, signal.SIGKILL)
            assert process.wait(60) != 0  # the others end too
        finally:
            process.kill()
    return log.read_text().count("\n")


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two workers leave whom nobody kills: the same under both launchers."""
    out = tmp_path_factory.mktemp("unbroken") / "whole"
    hand_made("smoke").save(str(out.parent / "spec.json"))
    well(launch("torchrun", 2, *words_for(out)))
    return out


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_whichever_worker_is_killed_the_run_continues_to_the_same_numbers(
    launcher: Launcher, unbroken: Path, tmp_path: Path
) -> None:
    hand_made("smoke").save(str(tmp_path / "spec.json"))
    whole = records(unbroken / "log.jsonl")
    seen = kill_a_worker(launcher, 1, tmp_path / "broken", 6)
    seen = kill_a_worker(launcher, 0, tmp_path / "broken", seen + 12)
    assert seen < len(whole)
    well(launch(launcher, 2, *words_for(tmp_path / "broken")))
    assert records(tmp_path / "broken" / "log.jsonl") == whole
    kept = [load_tensors(out / "weights.pt") for out in (unbroken, tmp_path / "broken")]
    assert all(torch.equal(kept[0][name], kept[1][name]) for name in kept[0])


def test_whichever_worker_is_killed_the_search_ends_as_unbroken(tmp_path: Path) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    well(launch("mpirun", 2, *searching(whole)))
    lines = records(whole / "log.jsonl")
    warm_up = sum(line["phase"] == "warm-up" for line in lines)
    seen = kill_a_worker("mpirun", 1, broken, warm_up // 2, searching)
    assert seen < warm_up
    seen = kill_a_worker("mpirun", 0, broken, warm_up + 4, searching)
    assert warm_up < seen < len(lines)
    well(launch("mpirun", 2, *searching(broken)))
    assert_same(left_in(broken), left_in(whole))


def test_a_run_of_two_workers_is_continued_by_one(unbroken: Path, tmp_path: Path) -> None:
    """With the same images per step, in the same micro-batches: only roundings differ."""
    hand_made("smoke").save(str(tmp_path / "spec.json"))
    whole = records(unbroken / "log.jsonl")
    assert kill_a_worker("torchrun", 0, tmp_path / "broken", 20) < len(whole)
    said = well(run_here(*words_for(tmp_path / "broken")))
    assert "50 images per step = 1 x 50 in 2 passes" in said
    broken = records(tmp_path / "broken" / "log.jsonl")
    assert len(broken) == len(whole)
    for one, other in zip(broken, whole, strict=True):
        if "train_loss" in one:
            assert one["lr"] == other["lr"]
            assert one["train_loss"] == pytest.approx(other["train_loss"], rel=1e-3)


def test_three_workers_cannot_share_what_two_began(tmp_path: Path) -> None:
    hand_made("smoke").save(str(tmp_path / "spec.json"))
    words = [*words_for(tmp_path / "run"), "--global-batch", 50]
    done = launch("torchrun", 3, *words)
    assert done.returncode != 0
    assert re.search(r"error: 50 images per step .*3 workers .*start 1, 2, 5 of", done.stderr)
    assert done.stderr.count("error: 50 images") == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_a_mistake_of_the_user_is_told_once(launcher: Launcher, tmp_path: Path) -> None:
    words = ["main.py", "--arch", "proxyless_gpu", "--path", tmp_path / "nowhere"]
    done = launch(launcher, 2, *words, "--log-dir", tmp_path / "logs")
    assert done.returncode != 0
    assert done.stderr.count("error: no folder") == 1
    assert not (tmp_path / "logs").exists()
