"""Weights come from any layout that is understood, all of them or none, with a reason."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from proxyless_nas import Network, load_spec, load_weights, save_upstream
from proxyless_nas.published import published_spec
from proxyless_nas.torchvision_door import torchvision
from proxyless_nas.upstream.save import original_state
from proxyless_nas.weights import save_tensors
from tests.proxyless_nas.upstream.networks import RICH
from tests.shared import shared

State = dict[str, Tensor]


def trained(seed: int = 0) -> Network:
    """A network no tensor of which is as it was made."""
    network = RICH.build(seed)
    generator = torch.Generator().manual_seed(seed)
    for norm in (module for module in network.modules() if isinstance(module, nn.BatchNorm2d)):
        for tensor in (norm.weight.data, norm.bias.data, norm.running_mean, norm.running_var):
            assert tensor is not None
            tensor.uniform_(0.5, 1.5, generator=generator)
    return network


def assert_same(network: Network, state: State) -> None:
    own = network.state_dict()
    assert own.keys() == state.keys()
    assert all(torch.equal(own[key], state[key]) for key in own)


def elastic(state: State) -> State:
    """As the newer Once-for-All spells the layers that can change their width."""
    return {
        re.sub(
            r"\.(conv|bn|linear)(\.\w+)$",
            r".\1.\1\2",
            key.replace(".mobile_inverted_conv.", ".conv."),
        ): tensor
        for key, tensor in state.items()
    }


LAYOUTS = {
    "ours": lambda network: network.state_dict(),
    "original": original_state,
    "state_dict": lambda network: {"state_dict": original_state(network), "epoch": 3},
    "model": lambda network: {"model": network.state_dict(), "optimizer": {"state": {}}},
    "parallel": lambda network: {
        "state_dict": {f"module.{key}": value for key, value in original_state(network).items()}
    },
    "later": lambda network: {
        key.replace(".mobile_inverted_conv.", ".conv."): value
        for key, value in original_state(network).items()
    },
    "elastic": lambda network: elastic(original_state(network)),
    "elastic in parts": lambda network: {
        (theirs if key.startswith("blocks.3") else key): value
        for (key, value), theirs in zip(
            original_state(network).items(), elastic(original_state(network)), strict=True
        )
    },
}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS.keys())
def test_every_layout_fills_the_network(layout: Any, tmp_path: Path) -> None:
    source, network = trained(1), RICH.build(2)
    save_tensors(tmp_path / "weights.pth", layout(source))
    load_weights(network, tmp_path / "weights.pth")
    assert_same(network, source.state_dict())


def test_counters_of_batches_that_old_torch_did_not_write_are_zero(tmp_path: Path) -> None:
    source, network = trained(1), trained(2)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d) and module.num_batches_tracked is not None:
            module.num_batches_tracked.fill_(7)
    state = original_state(source)
    old = {key: value for key, value in state.items() if not key.endswith("batches_tracked")}
    assert len(old) < len(state)
    save_tensors(tmp_path / "weights.pth", old)
    load_weights(network, tmp_path / "weights.pth")
    assert_same(network, source.state_dict())


def test_mobilenet_of_torchvision_answers_the_same_here(tmp_path: Path) -> None:
    torch.manual_seed(0)
    theirs = torchvision.models.mobilenet_v2(width_mult=0.35).eval()
    save_tensors(tmp_path / "weights.pth", theirs.state_dict())
    network = published_spec("mobilenet_v2-w0.35").build().eval()
    load_weights(network, tmp_path / "weights.pth")
    images = torch.randn(2, 3, 96, 96)
    with torch.no_grad():
        torch.testing.assert_close(network(images), theirs(images), atol=1e-5, rtol=1e-4)


W03 = "data/proxyless/proxyless-w0.3-r176_imagenet"


def pretrained() -> Network:
    network = load_spec(str(shared(f"{W03}.json"))).build()
    load_weights(network, shared(f"{W03}.pth"))
    return network.eval()


@torch.no_grad()
def test_the_pretrained_network_gives_the_originals_logits() -> None:
    golden = np.load(shared("data/proxyless/golden_w03_r176.npz"))
    logits = pretrained()(torch.from_numpy(golden["input"]))
    torch.testing.assert_close(logits, torch.from_numpy(golden["logits"]), atol=1e-4, rtol=0)


@torch.no_grad()
def test_the_pretrained_network_sees_on_real_images_what_the_original_sees() -> None:
    golden = np.load(shared("data/proxyless/golden_images_w03_r176.npz"))
    images = torch.from_numpy(golden["crops"]).permute(0, 3, 1, 2) / 255
    logits = pretrained()((images - 0.5) / 0.5)
    expected = torch.from_numpy(golden["logits"])
    torch.testing.assert_close(logits, expected, atol=1e-3, rtol=0)
    assert torch.equal(logits.argmax(1), expected.argmax(1))


def test_the_pretrained_network_is_written_back_tensor_for_tensor(tmp_path: Path) -> None:
    config, weights = save_upstream(pretrained(), tmp_path)
    assert (config.name, weights.name) == (f"{Path(W03).name}.config", f"{Path(W03).name}.pth")
    written = torch.load(weights, weights_only=True)
    original = torch.load(shared(f"{W03}.pth"), weights_only=True)
    assert written.keys() == original.keys() == {"state_dict"}
    assert list(written["state_dict"]) == list(original["state_dict"])
    for key, tensor in original["state_dict"].items():
        assert written["state_dict"][key].dtype == tensor.dtype
        assert torch.equal(written["state_dict"][key], tensor)
    assert load_spec(str(config)) == load_spec(str(shared(f"{W03}.json")))


@pytest.mark.slow
@torch.no_grad()
def test_distillers_resnet_scores_what_it_scored_there() -> None:
    network = published_spec("resnet20_cifar").build().eval()
    load_weights(network, shared("data/distiller/resnet20_cifar10_dense.pth.tar"))
    data = np.load(shared("data/cifar10_lossless_6102.npz"))
    images = (torch.from_numpy(data["x_test"]) / 255 - 0.5) / 0.5
    right = network(images).argmax(1) == torch.from_numpy(data["y_test"])
    assert (int(right.sum()), len(right)) == (937, 1017)
