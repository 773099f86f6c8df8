"""Weights of another network and damaged files: one clear line, and nothing has changed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from proxyless_nas import MBConv, Separable, load_weights, save_upstream
from proxyless_nas.published import published_spec
from proxyless_nas.upstream.save import original_state
from proxyless_nas.weights import save_tensors
from tests.proxyless_nas.upstream.networks import RICH, small
from tests.shared import shared

State = dict[str, Tensor]
INNER = "blocks.1.mobile_inverted_conv"
POINT = f"{INNER}.point_linear.conv.weight"


def renamed(state: State, old: str, new: str) -> State:
    return {key.replace(old, new): tensor for key, tensor in state.items()}


REFUSED: dict[str, tuple[Callable[[State], Any], str]] = {
    "missing": (lambda s: renamed(s, POINT, "x.bn.num_batches_tracked"), f"it lacks {POINT}"),
    "unknown": (lambda s: {**s, "more.weight": s[POINT]}, "it has an unknown more.weight"),
    "supernet": (
        lambda s: {**s, f"{INNER}.AP_path_alpha": torch.ones(7)},
        f"it has an unknown {INNER}.AP_path_alpha",
    ),
    "elastic kernels": (
        lambda s: {**s, "blocks.1.conv.depth_conv.conv.5to3_matrix": torch.ones(9, 9)},
        "it has an unknown blocks.1.conv.depth_conv.conv.5to3_matrix",
    ),
    "shape": (
        lambda s: {**s, POINT: s[POINT][:5]},
        rf"its {POINT} has the shape \[5, 20, 1, 1\], not \[16, 20, 1, 1\]",
    ),
    "in parallel": (
        lambda s: {f"module.{key}": value for key, value in s.items() if key != POINT},
        f"it lacks {POINT}",
    ),
    "twice": (
        lambda s: {**s, "blocks.1.conv.point_linear.conv.weight": s[POINT]},
        f"it holds {POINT} twice",
    ),
    "another family": (
        lambda s: {"conv1.weight": s[POINT], "fc.bias": s[POINT]},
        r"none of its 2 tensors has a name of it \(first: conv1.weight\)",
    ),
    "nothing": (lambda s: {}, "none of its 0 tensors"),
    "no tensor": (
        lambda s: {"net": s, "epoch": 3},
        "its net is a dict, not a tensor; ",
    ),
    "a list": (lambda s: [s[POINT]], "it holds a list, not a state dict"),
}


@pytest.mark.parametrize(("change", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_weights_of_another_network_are_refused_with_the_first_difference(
    change: Callable[[State], Any], reason: str, tmp_path: Path
) -> None:
    network = RICH.build(0)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    torch.save(change(original_state(RICH.build(1))), tmp_path / "w.pth")
    with pytest.raises(ValueError, match=rf"w\.pth does not hold the weights of small: {reason}"):
        load_weights(network, tmp_path / "w.pth")
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("proxyless_mobile", r"its first_conv\.conv\.weight has the shape \[16, 3, 3, 3\]"),
        ("proxyless_cpu", r"it lacks blocks\.3\.mobile_inverted_conv\."),
        ("resnet20_cifar", r"it lacks blocks\.0\.first"),
    ],
)
def test_the_real_checkpoint_of_another_network_is_refused(name: str, reason: str) -> None:
    checkpoint = shared("data/proxyless/proxyless-w0.3-r176_imagenet.pth")
    with pytest.raises(ValueError, match=rf"imagenet\.pth .* weights of {name}: {reason}"):
        load_weights(published_spec(name).build(), checkpoint)


def test_a_truncated_file_is_refused_by_name(tmp_path: Path) -> None:
    save_tensors(tmp_path / "whole.pth", original_state(RICH.build()))
    data = (tmp_path / "whole.pth").read_bytes()
    for length in (0, 100, len(data) // 2, len(data) - 10):
        (tmp_path / "torn.pth").write_bytes(data[:length])
        with pytest.raises(ValueError, match=r"torn\.pth is not a readable torch file"):
            load_weights(RICH.build(), tmp_path / "torn.pth")
    with pytest.raises(FileNotFoundError, match=r"no file .*absent\.pth"):
        load_weights(RICH.build(), tmp_path / "absent.pth")


def test_a_file_with_objects_in_it_is_refused_without_making_them(tmp_path: Path) -> None:
    torch.save({"state_dict": original_state(RICH.build()), "path": tmp_path}, tmp_path / "w.pth")
    with pytest.raises(ValueError, match=r"w\.pth holds a pathlib\S*Path; only tensors"):
        load_weights(RICH.build(), tmp_path / "w.pth")


def test_nothing_is_written_for_a_network_that_the_original_cannot_build(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"network small, blocks\.1: .*Separable"):
        save_upstream(small(MBConv(8, None, 3), Separable(16)).build(), tmp_path / "out")
    assert not (tmp_path / "out").exists()
