"""When what was found learns without being told to: where images say that too much was lost."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from compression.quantizers.files import open_quantized
from proxyless_nas.files import read_json
from search.auto import tuning
from search.auto.config import AutoConfig
from search.auto.given import Given, given_of
from search.auto.goal import read_goal
from search.auto.report import Report
from search.auto.run import auto
from search.auto.tuning import EPOCHS, epochs_of, points_lost
from tests.search.auto.again import made_again
from tests.search.auto.test_given import config_of, folder
from tests.shared import shared

__all__ = ["folder"]


class Knows(nn.Module):
    """The right class of so many images in a hundred; an image holds its number and its class."""

    def __init__(self, right: int) -> None:
        super().__init__()
        self.right = right

    def forward(self, x: Tensor) -> Tensor:
        number, label = x.long().unbind(dim=1)
        told = torch.where(number < self.right, label, (label + 1) % 3)
        return torch.eye(3)[told]


def images(count: int = 100) -> list[tuple[Tensor, Tensor]]:
    labels = torch.arange(count) % 3
    x = torch.stack([torch.arange(count) % 100, labels], dim=1).float()
    return list(zip(x.split(32), labels.split(32), strict=True))


def given_with(config: AutoConfig, right: int, count: int) -> Given:
    """A goal, where the whole network knows `right` of each hundred images."""
    given = given_of(config, read_goal("bytes=0.5x accuracy_drop=2"))
    return replace(given, whole=Knows(right), judged=images(count))


def test_points_and_their_standard_error_are_those_of_pairs() -> None:
    lost, error = points_lost(Knows(90), Knows(86), images())
    assert lost == pytest.approx(4)
    assert error == pytest.approx(100 * (0.04 * 0.96 / 100) ** 0.5)
    assert points_lost(Knows(90), Knows(90), images()) == (0, 0)
    assert points_lost(Knows(80), Knows(90), images())[0] == pytest.approx(-10)


@pytest.mark.parametrize(
    "lost, count, expected",
    [
        (0, 100, 0),
        (2, 100, 0),  # as much as may be lost
        (3, 100, 0),  # more, by less than a standard error: 1.7 points
        (3, 2000, EPOCHS),  # which is 0.4 points here
        (10, 100, EPOCHS),
    ],
)
def test_what_has_lost_too_much_learns(
    folder: Path, lost: int, count: int, expected: int, capsys: pytest.CaptureFixture[str]
) -> None:
    given = given_with(config_of(folder, "bytes=0.5x"), 95, count)
    assert epochs_of(given, Knows(95 - lost)) == expected
    assert ("15 epochs of tuning (--epochs 0: none)" in capsys.readouterr().out) == bool(expected)
    assert epochs_of(replace(given, tunable=False), Knows(95 - lost)) == 0


@pytest.mark.parametrize("asked", [0, 3])
def test_what_was_asked_for_is_done_whatever_was_lost(folder: Path, asked: int) -> None:
    given = given_with(config_of(folder, "bytes=0.5x", epochs=asked), 95, 100)
    assert epochs_of(given, Knows(95)) == epochs_of(given, Knows(10)) == asked


def test_images_that_judge_are_kept_from_what_may_learn(folder: Path) -> None:
    goal = read_goal("bytes=0.5x")
    assert given_of(config_of(folder, "bytes=0.5x"), goal).tunable
    assert not given_of(config_of(folder, "bytes=0.5x", epochs=0), goal).tunable
    assert not given_of(config_of(folder, "bytes=0.5x", limit=150), goal).tunable  # that is all


@pytest.mark.slow
def test_bits_learn_while_it_is_tuned_and_the_recipe_does_so_again(
    folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    how = {"methods": ("bits",), "weight_bits": (2,), "limit": 64, "epochs": 1}
    auto(config_of(folder, "bytes=0.1x", out=str(out), **how))
    report = read_json(out / "report.json", Report)
    assert [one.name for one in report.stages] == ["whole", "untuned", "1 epoch of tuning"]
    assert report.met and set(report.compressed.bits.values()) == {2}
    network, _ = open_quantized(out / "quantized.json")
    weight = network.get_submodule("blocks.4.first.conv").weight
    assert isinstance(weight, Tensor) and all(len(row.unique()) <= 4 for row in weight.detach())
    text = (out / "recipe.yaml").read_text()
    assert "do: fold" in text and "do: quantize" in text and "--epochs 1 " in text
    made_again(out, tmp_path / "again")


@pytest.mark.slow
def test_a_network_that_forgot_learns_without_being_told_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two bits are too few for one that has learned; and with --epochs 0 it is left so."""
    monkeypatch.setattr(tuning, "EPOCHS", 2)
    few = few_of(shared("data/cifar10_lossless_6102.npz"), tmp_path / "few.npz", 260)
    how = {
        "arch": "resnet20_cifar", "normalise": "half", "path": str(few), "limit": 100,
        "weights": str(shared("data/distiller/resnet20_cifar10_dense.pth.tar")),
        "methods": ("bits",), "weight_bits": (2,), "base_lr": 0.001,
    }  # fmt: skip
    out = tmp_path / "run"
    auto(config_of(tmp_path, "bytes=0.1x", out=str(out), **how))
    report = read_json(out / "report.json", Report)
    whole, untuned, tuned = report.stages
    assert whole.searched - untuned.searched > 0.1
    assert tuned.name == "2 epochs of tuning" and tuned.searched > untuned.searched + 0.05
    assert "2 epochs of tuning (--epochs 0: none)" in capsys.readouterr().out
    auto(config_of(tmp_path, "bytes=0.1x", out=str(tmp_path / "left"), epochs=0, **how))
    left = read_json(tmp_path / "left" / "report.json", Report)
    assert [one.name for one in left.stages] == ["whole", "untuned"]


def few_of(images: Path, path: Path, count: int) -> Path:
    """So many of the images in a file."""
    with np.load(images) as known:
        np.savez(path, **{name: known[name][:count] for name in known.files})
    return path
