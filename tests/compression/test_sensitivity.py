"""Sensitivity: every group is tried alone, each network once, through any interruption."""

from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from compression.channels.groups import find_channels
from compression.importance import L2
from compression.sensitivity import Sensitivity, analyse, csv_of
from compression.widths import Gone, Ranking, by_sensitivity, ranked, within
from proxyless_nas.files import read_json
from tests.compression.channels.networks import NETWORKS, settle
from training.evaluate import Evaluation

SHARES = (0.0, 0.3, 0.35, 0.9)


class Judge:
    """Counts what it is asked, and falls silent after so many times."""

    def __init__(self, most: int = 1000) -> None:
        self.most, self.seen = most, list[tuple[int, ...]]()

    def __call__(self, network: nn.Module) -> Evaluation:
        if len(self.seen) == self.most:
            raise KeyboardInterrupt
        zeros = tuple(int((one == 0).sum()) for one in network.parameters())
        self.seen.append(zeros)
        return Evaluation(1 / (1 + sum(zeros)), 1.0, float(sum(zeros)), 100)


def network() -> tuple[nn.Module, torch.Tensor]:
    source, shape, _ = NETWORKS["plain"]
    return settle(deepcopy(source)), torch.randn(shape)


def try_all(file: Path, judge: Judge, images: str = "some") -> Sensitivity:
    module, x = network()
    channels = find_channels(module, x)
    ranking = ranked(L2().scores(module, channels))
    return analyse(module, channels, ranking, judge, file, images, SHARES)


def test_an_interrupted_analysis_goes_on_and_tries_nothing_twice(tmp_path: Path) -> None:
    judge = Judge()
    whole = try_all(tmp_path / "whole.json", judge)
    assert [(one.group, one.share, one.gone) for one in whole.tried] == [
        ("0", 0.0, 0), ("0", 0.3, 3), ("0", 0.35, 3), ("0", 0.9, 7),
        ("3", 0.0, 0), ("3", 0.3, 2), ("3", 0.35, 3), ("3", 0.9, 5),
    ]  # fmt: skip
    assert len(judge.seen) == len(set(judge.seen)) == 6  # the whole one, and what differs
    assert all(one.score == whole.whole for one in whole.tried if not one.gone)

    file = tmp_path / "broken.json"
    seen = 0
    for most in (2, 1, 3):
        again = Judge(most)
        try:
            found = try_all(file, again)
        except KeyboardInterrupt:
            found = None
        seen += len(again.seen)
    assert found == whole == read_json(file, Sensitivity) and seen == 6
    assert csv_of(whole).splitlines()[:3] == [
        "parameter,sparsity,top1,top5,loss",
        f"0,0,{100 * whole.whole.top1:.4f},100.0000,{whole.whole.loss:.6f}",
        f"0,0.3,{100 * whole.tried[1].score.top1:.4f},100.0000,{whole.tried[1].score.loss:.6f}",
    ]


def test_another_question_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "s.json"
    try_all(file, Judge())
    before = file.read_bytes()
    with pytest.raises(ValueError, match=r"s\.json is of another network, other images"):
        try_all(file, Judge(), images="others")
    assert file.read_bytes() == before


@pytest.mark.parametrize("seed", range(5))
def test_the_least_accuracy_that_may_be_lost_is_found(seed: int) -> None:
    chance = np.random.default_rng(seed)
    drops = {
        str(group): [(0, 0.0), *((gone, float(chance.normal(gone))) for gone in (2, 4, 6))]
        for group in range(4)
    }

    def cost(gone: Gone) -> float:
        return 24.0 - sum(gone.values())

    for most in (24, 20, 15, 10, 0):
        lost = dict(by_sensitivity(drops, cost, most))
        assert cost(lost) <= most
        least = max(
            (drop for name, tried in drops.items() for gone, drop in tried if gone == lost[name]),
        )
        tighter = [drop for tried in drops.values() for _, drop in tried if 0 <= drop < least]
        for threshold in tighter:
            assert cost(dict(within(drops, threshold))) > most
    with pytest.raises(ValueError, match="cannot be met"):
        by_sensitivity(drops, cost, -1)


def test_order_is_part_of_the_question(tmp_path: Path) -> None:
    module, x = network()
    channels = find_channels(module, x)
    ranking = ranked(L2().scores(module, channels))
    turned: Ranking = {name: order[::-1].copy() for name, order in ranking.items()}
    analyse(module, channels, ranking, Judge(), tmp_path / "s.json", "some", SHARES)
    with pytest.raises(ValueError, match="another score of channels"):
        analyse(module, channels, turned, Judge(), tmp_path / "s.json", "some", SHARES)


def test_another_rounding_is_tried_anew_and_what_was_known_stays(tmp_path: Path) -> None:
    module, x = network()
    channels = find_channels(module, x)
    ranking = ranked(L2().scores(module, channels))
    file = tmp_path / "s.json"
    analyse(module, channels, ranking, Judge(), file, "some", SHARES)
    found = analyse(module, channels, ranking, Judge(), file, "some", (0.3,), multiple=4)
    assert [(one.group, one.gone) for one in found.tried] == [("0", 4), ("3", 2)]
    judge = Judge(0)
    assert len(analyse(module, channels, ranking, judge, file, "some", SHARES).tried) == 8
