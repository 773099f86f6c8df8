"""`python -m compression auto --strategy ...` on a tiny network: every one meets the goal."""

from pathlib import Path
from typing import get_args

import pytest
import torch
from torch import nn

from proxyless_nas.files import read_json
from proxyless_nas.weights import save_tensors
from search.auto.config import AutoConfig, StrategyName
from search.auto.report import Report
from search.auto.strategies import BY_LOSSES_ALONE
from search.journal import Journal
from tests.commands.helpers import assert_refused, run_here, well
from tests.compression.analysis.commands import small_cifar

NETWORKS = 12
FEWER: dict[StrategyName, int] = {"sensitivity": 2, "least-lost": 4, "knapsack": 4, "uniform": 9}
"""Most networks behind those that show what is lost alone, where it is not NETWORKS."""


def network() -> nn.Module:
    """Two layers whose channels can go, and a linear one."""
    layers: list[nn.Module] = []
    for before, after in ((3, 8), (8, 12)):
        conv = nn.Conv2d(before, after, 3, 2, 1, bias=False)
        layers += [conv, nn.BatchNorm2d(after), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(12, 10))


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The network with some weights, and images."""
    folder = tmp_path_factory.mktemp("given")
    torch.manual_seed(0)
    save_tensors(folder / "weights.pt", network().state_dict())
    data = small_cifar(folder / "cifar.npz", train=60, test=20)
    arch = "tests.search.auto.test_strategies:network"
    flags = f"--arch {arch} --resolution 32 --num-classes 10 --dataset cifar10 --limit 40"
    few = "--calibrated-on 20 --tries 3 --reconstruct 0 --methods channels bits --floor 100"
    return [
        "-m", "compression", "auto", *flags.split(), *few.split(),
        "--weights", str(folder / "weights.pt"), "--path", str(data),
        "--goal", "bytes=0.3x", "--networks", str(NETWORKS),
    ]  # fmt: skip


QUICK: tuple[StrategyName, ...] = ("least-lost", "uniform")
EVERY = [
    pytest.param(name, marks=pytest.mark.slow) if name not in QUICK else name
    for name in get_args(StrategyName)
]


@pytest.mark.parametrize("strategy", EVERY)
def test_the_goal_is_met_with_so_many_networks_and_a_torn_journal_ends_the_same(
    strategy: StrategyName, words: list[str], tmp_path: Path
) -> None:
    run, tried = tmp_path / "run", tmp_path / "run" / "tried-0.jsonl"
    asked = [*words, "--strategy", strategy, "--out", str(run)]
    said = well(run_here(*asked))
    report = read_json(run / "report.json", Report)
    assert report.met and "every cost is met" in said
    lines = Journal(tried).lines
    assert 0 < len(lines) <= FEWER.get(strategy, NETWORKS)
    assert (run / "alone.jsonl").exists() == (strategy in BY_LOSSES_ALONE)
    kept = tried.read_bytes().splitlines(keepends=True)[: len(lines) // 2]
    tried.write_bytes(b"".join(kept))
    (run / "report.json").unlink()
    well(run_here(*asked))
    again = read_json(run / "report.json", Report)
    assert again.compressed == report.compressed and again.costs == report.costs
    assert [line.options for line in Journal(tried).lines] == [line.options for line in lines]


def test_numbers_of_networks_are_checked(tmp_path: Path, words: list[str]) -> None:
    refused = run_here(*words[:-1], 0, "--strategy", "random", "--out", tmp_path / "run")
    assert_refused(refused, "--networks is 1 or more")
    assert AutoConfig(arch="a", goal="macs=0.5x", out="b").networks == 200
