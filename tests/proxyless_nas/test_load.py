"""One door to networks: published names, files, torchvision's names."""

from pathlib import Path

import pytest
import torch

from proxyless_nas import (
    Network,
    Shape,
    load_network,
    load_spec,
    load_weights,
    network_input,
)
from proxyless_nas.weights import save_tensors


def test_a_name_or_a_file_gives_our_network(tmp_path: Path) -> None:
    spec = load_spec("resnet20_cifar")
    spec.save(str(tmp_path / "spec.json"))
    for name in ("resnet20_cifar", str(tmp_path / "spec.json")):
        network = load_network(name, seed=3)
        assert isinstance(network, Network) and network.spec == spec
        assert network_input(name) == Shape(3, 32, 32)


def test_any_other_name_is_torchvisions() -> None:
    network = load_network("squeezenet1_1").eval()
    assert type(network).__module__ == "torchvision.models.squeezenet"
    with torch.no_grad():
        assert network(torch.zeros(1, 3, 64, 64)).shape == (1, 1000)
    assert network_input("squeezenet1_1") == Shape(3, 224, 224)
    assert network_input("inception_v3") == Shape(3, 299, 299)


def test_a_network_of_torchvisions_takes_its_own_weights_and_no_others(tmp_path: Path) -> None:
    theirs = load_network("squeezenet1_1", seed=1)
    wrapped = {f"module.{name}": tensor for name, tensor in theirs.state_dict().items()}
    save_tensors(tmp_path / "theirs.pth", {"model": wrapped, "epoch": 3})
    network = load_network("squeezenet1_1", seed=2)
    load_weights(network, tmp_path / "theirs.pth")
    for mine, wanted in zip(network.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(mine, wanted)
    with pytest.raises(ValueError, match=r"theirs\.pth does not hold the weights of AlexNet: "):
        load_weights(load_network("alexnet"), tmp_path / "theirs.pth")


def test_a_name_that_both_have_is_ours_unless_said_otherwise() -> None:
    assert isinstance(load_network("mobilenet_v2"), Network)
    theirs = load_network("torchvision:mobilenet_v2")
    assert type(theirs).__module__ == "torchvision.models.mobilenetv2"


@pytest.mark.parametrize("name", ["resnet20_cifar", "torchvision:mobilenet_v3_small"])
def test_a_seed_repeats_weights_and_leaves_torchs_generator_alone(name: str) -> None:
    before = torch.get_rng_state()
    first, second, other = (load_network(name, seed=seed).state_dict() for seed in (3, 3, 4))
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert not all(torch.equal(first[key], other[key]) for key in first)


def test_an_unknown_name_is_an_error_that_names_the_nearest() -> None:
    for ask in (load_network, network_input):
        with pytest.raises(FileNotFoundError, match=r"did you mean efficientnet_b0\?"):
            ask("eficientnet_b0")
        with pytest.raises(FileNotFoundError, match=r"did you mean proxyless_cpu\?"):
            ask("proxyles_cpu")
