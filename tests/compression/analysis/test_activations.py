"""Statistics of answers: they are those of all answers at once, and leave nothing behind."""

import csv
import json
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from compression.analysis.activations import Activation, activations_of, looked_at
from compression.analysis.subject import ImagesConfig, images_of
from compression.selectors import Where
from proxyless_nas.seeds import seeded
from tests.compression.analysis.commands import refused, run, small_cifar
from tests.compression.channels.networks import NETWORKS, settle
from training.datasets import Batch

pytestmark = pytest.mark.slow


class Twice(nn.Module):
    """An activation in place, called twice, at two widths; a linear map over places."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.relu = nn.ReLU(inplace=True)
        self.wide = nn.Linear(16, 6)
        self.gelu = nn.GELU()
        self.drop = nn.Dropout()

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.norm(self.conv(x)))
        x = self.gelu(self.wide(x.flatten(2)))
        return self.drop(self.relu(x - 0.1)).mean((1, 2))


def batches(sizes: list[int]) -> list[Batch]:
    x = 3 * torch.randn(sum(sizes), 3, 6, 6, generator=torch.Generator().manual_seed(0)) + 1
    return [(each, torch.zeros(len(each))) for each in x.split(sizes)]


def network() -> nn.Module:
    with seeded(0):
        found = settle(Twice())
    found.train()
    found.get_submodule("norm").eval()
    return found


def seen(sizes: list[int]) -> dict[tuple[str, int], Activation]:
    module = network()
    found = activations_of("twice", module, looked_at(module, Where()), batches(sizes))
    assert found.images == sum(sizes)
    return {(one.layer, one.call): one for one in found.layers}


def test_statistics_are_those_of_all_answers_at_once() -> None:
    module = network().eval()
    with torch.no_grad():
        (x, _), = batches([12])  # fmt: skip
        normed = module.get_submodule("norm")(module.get_submodule("conv")(x))
        mixed = module.get_submodule("wide")(normed.relu().flatten(2))
        expected = {
            ("conv", 1): (module.get_submodule("conv")(x), 1),
            ("norm", 1): (normed, 1),
            ("relu", 1): (normed.relu(), 1),
            ("wide", 1): (mixed, 2),
            ("gelu", 1): (nn.functional.gelu(mixed), 2),
            ("relu", 2): ((nn.functional.gelu(mixed) - 0.1).relu(), 2),
        }
    for sizes in ([12], [5, 1, 6]):
        found = seen(sizes)
        assert list(found) == list(expected)
        for key, (y, axis) in expected.items():
            one, rows = found[key], y.double().movedim(axis, 0).flatten(1)
            assert one.shape == tuple(y.shape[1:])
            figures = (one.mean, one.std, one.least, one.most, one.zeros)
            assert figures == pytest.approx(
                (
                    float(rows.mean()), float(rows.std(correction=0)),
                    float(rows.min()), float(rows.max()), float((rows == 0).double().mean()),
                ), rel=1e-5, abs=1e-6,
            )  # fmt: skip
            assert one.channel_means == pytest.approx(rows.mean(1).tolist(), rel=1e-4, abs=1e-5)
            assert one.channel_zeros == pytest.approx((rows == 0).double().mean(1).tolist())
            l1 = (rows.abs().sum(1) / 12).tolist()
            assert one.channel_l1 == pytest.approx(l1, rel=1e-5)
            assert one.l1 == pytest.approx(sum(l1) / len(l1), rel=1e-5)


def test_what_works_in_place_does_not_change_what_was_seen_before() -> None:
    found = seen([12])
    assert found["norm", 1].least < 0 == found["relu", 1].least
    assert found["relu", 1].zeros > found["norm", 1].zeros == 0
    assert found["relu", 1].most == found["norm", 1].most


@pytest.mark.parametrize("breaks", [False, True])
def test_hooks_are_gone_and_modes_are_back(breaks: bool) -> None:
    module = network()
    state = {name: one.clone() for name, one in module.state_dict().items()}
    modes = [part.training for part in module.modules()]
    images = batches([2, 3])
    if breaks:
        images.append((torch.zeros(1, 5, 6, 6), torch.zeros(1)))
        with pytest.raises(RuntimeError):
            activations_of("twice", module, ["conv"], images)
    else:
        activations_of("twice", module, ["conv"], images)
    assert [part.training for part in module.modules()] == modes
    assert not any(part._forward_hooks for part in module.modules())
    assert all(torch.equal(state[name], one) for name, one in module.state_dict().items())


def test_layers_are_chosen_by_type_and_name() -> None:
    module = network()
    assert looked_at(module, Where()) == ["conv", "norm", "relu", "wide", "gelu"]
    assert looked_at(module, Where(exclude=("*e*", "norm"))) == ["conv"]
    assert looked_at(module, Where(type=("ReLU", "Dropout"))) == ["relu", "drop"]
    assert looked_at(module, Where(name="w*")) == ["wide"]
    with pytest.raises(ValueError, match=r"no part of this network is a ReLu; .*GELU, Linear"):
        looked_at(module, Where(type="ReLu"))
    with pytest.raises(ValueError, match=r"is named 'wdie' \(did you mean wide\?\)"):
        looked_at(module, Where(name="wdie"))
    with pytest.raises(ValueError, match="there are no images"):
        activations_of("twice", module, ["conv"], [])


def test_more_zeros_in_front_of_a_threshold_that_is_higher() -> None:
    source, shape, _ = NETWORKS["plain"]
    module = settle(source)
    norm = module.get_submodule("1")
    shares: list[float] = []
    for shift in (1.0, 0.0, -1.0, -100.0):
        assert isinstance(norm, nn.BatchNorm2d)
        with torch.no_grad():
            norm.bias.fill_(shift)
        found = activations_of("p", module, ["2"], [(torch.randn(shape), torch.zeros(2))])
        shares.append(found.layers[0].zeros)
    assert shares == sorted(shares) and shares[-1] == 1


def test_the_command_looks_at_training_images_alone(tmp_path: Path) -> None:
    data = small_cifar(tmp_path / "cifar.npz")
    config = ImagesConfig(arch="resnet20_cifar", path=str(data), limit=15, held_out=25, seed=4)
    images = images_of(config, config.subject())
    assert len(images.test) == 15
    pixels = torch.cat([x for x, _ in images.test.read(4, pinned=False)])
    assert int(pixels.max()) < 255  # those of the test set are all 255

    words = ("activations", "--arch", "resnet20_cifar", "--path", data, "--limit", 3, "-b", 2)
    file = tmp_path / "seen.csv"
    printed = run(*words, "--csv", file)
    assert printed.startswith("resnet20_cifar, fresh weights, 3 training images of CIFAR-10\n")
    whole = json.loads(run(*words, "--json"))
    assert whole["images"] == 3
    with file.open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["layer"] for row in rows] == [one["layer"] for one in whole["layers"]]
    assert rows[0]["shape"] == "16x32x32" and len(whole["layers"][0]["channel_l1"]) == 16
    assert float(rows[2]["zeros"]) == pytest.approx(whole["layers"][2]["zeros"])
    only = json.loads(run(*words, "--json", "--type", "ReLU", "--exclude", "blocks.*"))
    assert [one["layer"] for one in only["layers"]] == ["stem.activation"]
    assert "cannot hold 41" in refused("activations", *words[1:5], "--limit", 41)
