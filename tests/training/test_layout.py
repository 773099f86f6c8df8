"""The layout of memory in which a network learns is one in which torch computes right slopes."""

from pathlib import Path

import pytest
import torch
from torch import nn

from tests.training.learning import images, short_plan
from training.config import TrainConfig
from training.device import learns_in_channels_last
from training.prepare import first_network, learner_of, subject_of
from training.workers import Alone

CODE = """
from torch import nn

def make(narrow=4):
    first, head = nn.Conv2d(3, narrow, 3), nn.Linear(8, 5)
    short = nn.Conv2d(narrow, 8, 1, 2)
    return nn.Sequential(first, nn.BatchNorm2d(narrow), short, nn.AdaptiveAvgPool2d(1),
                         nn.Flatten(), head)

def wide():
    return make(8)
"""
CPU = torch.device("cpu")


@pytest.mark.parametrize(
    "layer, fits",
    [
        (nn.Conv2d(4, 8, 1, 2), False),
        (nn.Conv2d(2, 8, 1, 2), False),
        (nn.Conv2d(1, 8, 1, 2), True),
        (nn.Conv2d(8, 8, 1, 2), True),
        (nn.Conv2d(4, 8, 1), True),
        (nn.Conv2d(4, 8, 3, 2), True),
        (nn.Conv2d(8, 8, 1, 2, groups=2), False),
    ],
)
def test_narrow_shortcuts_do_not_fit(layer: nn.Module, fits: bool) -> None:
    assert learns_in_channels_last(nn.Sequential(layer), CPU) == fits
    assert learns_in_channels_last(nn.Sequential(layer), torch.device("cuda"))


@pytest.mark.parametrize("made, together", [("make", False), ("wide", True)])
def test_a_network_with_a_narrow_shortcut_learns_with_channels_apart(
    made: str, together: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "layout_nets.py").write_text(CODE)
    monkeypatch.syspath_prepend(str(tmp_path))
    config = TrainConfig(arch=f"layout_nets:{made}", resolution=16, num_classes=5)
    subject = subject_of(config)
    network = first_network(config, subject)
    learner = learner_of(config, subject, network, short_plan(2, 8), CPU, Alone())
    seen = list[bool]()
    first = learner.network.get_submodule("0")
    first.register_forward_pre_hook(
        lambda part, given: seen.append(given[0].is_contiguous(memory_format=torch.channels_last))
    )
    for number in range(4):
        x, y = images(8, number)
        x = torch.nn.functional.interpolate(x, (16, 16)).to(memory_format=torch.channels_last)
        learner.step(number, [(x, y % 5)])
    assert seen == [together] * 4 and learner.sound()
