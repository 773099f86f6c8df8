"""Published networks as functions: the weights, the classifier and the dropout one asks for."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

import hubconf
import proxyless_nas
from proxyless_nas import proxyless_mobile
from proxyless_nas.published import published_spec
from proxyless_nas.weights import save_tensors
from proxyless_nas.zoo import ZOO

ROOT = Path(__file__).parents[2]
HUB = """
import sys, torch
for name in ("proxyless_cpu", "proxyless_mobile14"):
    network = torch.hub.load(sys.argv[1], name, source="local", num_classes=5)
    print(network.spec.name, network(torch.zeros(2, 3, 32, 32)).shape[1])
print("torchvision" in sys.modules)
print(sys.modules["proxyless_nas"].__file__)
"""


@pytest.fixture(scope="module")
def authors() -> dict[str, torch.Tensor]:
    """Stands for the published weights, which no test can download."""
    return published_spec("proxyless_mobile").build(seed=5).state_dict()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, authors: dict[str, torch.Tensor], monkeypatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    save_tensors(tmp_path / "proxyless_nas" / "proxyless_mobile.pth", authors)


def equal_parts(network: nn.Module, authors: dict[str, torch.Tensor]) -> set[str]:
    """Top-level parts whose tensors all are the authors'."""
    state = network.state_dict()
    parts = {name.partition(".")[0] for name in state}
    wrong = {
        name.partition(".")[0]
        for name, tensor in state.items()
        if tensor.shape != authors[name].shape or not torch.equal(tensor, authors[name])
    }
    return parts - wrong


def test_pretrained_gives_the_authors_weights_and_fresh_gives_others(authors) -> None:
    everything = {"stem", "blocks", "mix", "classifier"}
    assert equal_parts(proxyless_mobile(pretrained=True, progress=False), authors) == everything
    assert equal_parts(proxyless_mobile(), authors) == set()


def test_another_number_of_classes_keeps_all_weights_but_the_classifiers(authors) -> None:
    network = proxyless_mobile(pretrained=True, num_classes=10, dropout=0.5, progress=False)
    assert equal_parts(network, authors) == {"stem", "blocks", "mix"}
    assert network.spec.classifier.classes == 10
    assert network.eval()(torch.zeros(1, 3, 32, 32)).shape == (1, 10)
    assert network.get_submodule("classifier.dropout").p == 0.5  # pyright: ignore
    assert network.get_parameter("classifier.linear.weight").std() > 0.01


@pytest.mark.parametrize("name", ZOO)
def test_every_network_is_importable_and_is_its_description(name: str) -> None:
    function = getattr(proxyless_nas, name)
    assert function is ZOO[name] and name in proxyless_nas.__all__
    assert function.__name__ == name and "num_classes" in function.__doc__
    network = function(num_classes=3)
    spec = published_spec(name)
    assert network.spec.blocks == spec.blocks and network.spec.name == name
    assert network.spec.classifier.dropout == 0


def test_torch_hub_offers_exactly_these() -> None:
    offered = {name: value for name, value in vars(hubconf).items() if callable(value)}
    assert offered == ZOO | {"proxyless_mobile14": ZOO["proxyless_mobile_14"]}


def test_torch_hub_loads_them_from_this_repository(tmp_path: Path) -> None:
    words = [sys.executable, "-c", HUB, str(ROOT)]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    *networks, slow_import, origin = done.stdout.splitlines()
    assert networks == ["proxyless_cpu 5", "proxyless_mobile_14 5"]
    assert slow_import == "False"
    assert Path(origin) == ROOT / "proxyless_nas" / "__init__.py"
