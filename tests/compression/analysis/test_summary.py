"""Tables of zeros and of work: by hand, by law, and as Distiller counted its ResNet-20."""

import csv
import json
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from compression.analysis.compute import computing_lines, computing_of
from compression.analysis.sparsity import (
    Sparsity,
    sparsities,
    sparsity_lines,
    sparsity_of,
    told,
)
from compression.masks import Level
from proxyless_nas import Shape, load_network, load_spec, macs_of
from proxyless_nas.weights import load_weights, save_tensors
from tests.compression.analysis.commands import refused, run
from tests.shared import shared

CHECKPOINT = "data/distiller/resnet20_cifar10_dense.pth.tar"
FILTERS = (
    (2, 4, 9, 10, 12, 15),
    (0, 5, 8, 10, 12, 14),
    (0, 5, 9, 11, 14, 15),
    (0, 1, 2, 6, 12, 14, 17, 20, 25, 27, 29, 31),
    (1, 3, 4, 10, 11, 15, 16, 17, 22, 24, 26, 28),
    (0, 5, 11, 14, 15, 16, 19, 21, 23, 29, 30, 31),
)
"""`distiller.md`, section 5: the filters that agp_2 takes from the first layer of each block."""


def holding(weight: Tensor) -> Sparsity:
    """What is told of one tensor."""
    module = nn.Module()
    module.weight = nn.Parameter(weight)
    (found,) = sparsity_of(module)
    return found


@pytest.fixture
def trained() -> nn.Module:
    network = load_network("resnet20_cifar")
    load_weights(network, shared(CHECKPOINT))
    return network


def test_parts_of_a_matrix_by_hand() -> None:
    """Three outputs, four inputs: one output is silent, one input is not used."""
    found = holding(torch.tensor([[1.0, 0, -3, 0], [0, 0, 0, 0], [5, 0, 0, 2]]))
    assert (found.shape, found.numbers, found.nonzero) == ((3, 4), 12, 4)
    assert (found.columns, found.rows) == pytest.approx((1 / 3, 1 / 4))
    assert (found.channels, found.filters) == (None, None)
    assert found.kernels == found.columns and found.zeros == pytest.approx(2 / 3)
    assert (found.mean, found.mean_size) == pytest.approx((5 / 12, 11 / 12))


def test_parts_of_a_convolution_by_hand() -> None:
    """Two outputs, three inputs, 2 x 2: a filter, and the kernels of an input, are zero."""
    weight = torch.ones(2, 3, 2, 2)
    weight[0] = 0
    weight[:, 2] = 0
    weight[1, 1, 0, 0] = 0
    found = holding(weight)
    assert (found.columns, found.rows) == (None, None)
    assert (found.channels, found.filters) == pytest.approx((1 / 3, 1 / 2))
    assert (found.kernels, found.zeros) == pytest.approx((4 / 6, 17 / 24))


def test_distillers_network_has_the_zeros_that_distiller_counted(trained: nn.Module) -> None:
    dense = sparsity_of(trained)
    whole = sparsities("dense", dense)
    assert (len(dense), whole.numbers, whole.nonzero) == (22, 270_896, 270_896)
    (first,) = [one for one in dense if one.name == "blocks.0.first.conv.weight"]
    assert first.shape == (16, 16, 3, 3)
    assert first.std == pytest.approx(0.157564, abs=1e-6)
    blocks = [one for one in dense if ".first." in one.name]
    with torch.no_grad():
        for one, gone in zip(blocks, FILTERS, strict=False):
            trained.get_parameter(one.name)[list(gone)] = 0
    pruned = sparsities("agp_2", sparsity_of(trained))
    assert (pruned.numbers, pruned.nonzero) == (270_896, 259_664)
    assert 100 * pruned.zeros == pytest.approx(4.1462, abs=1e-4)
    assert [one.filters for one in pruned.tensors if ".first." in one.name][:6] == [0.375] * 6
    assert told(pruned.tensors) == "259,664 of 270,896 weights are not zero (95.9%)"


def test_a_level_shows_as_the_share_of_zeros_of_every_tensor(trained: nn.Module) -> None:
    with torch.no_grad():
        for weight in trained.parameters():
            if weight.ndim > 1:
                whole = torch.ones_like(weight, dtype=torch.bool)
                weight.mul_(Level(share=0.5).mask(weight, whole))
    found = sparsities("half", sparsity_of(trained))
    assert found.nonzero == 135_448
    assert all(one.zeros == pytest.approx(0.5) for one in found.tensors)


def test_work_is_that_of_the_network_whatever_computes_it() -> None:
    spec = load_spec("resnet20_cifar")
    found = computing_of("r20", spec.build(), spec.input)
    assert (found.macs, found.outside, found.weights) == (40_813_184, 0, 270_896)
    assert [one.layer for one in found.layers][:2] == ["stem.conv", "blocks.0.first.conv"]
    assert sum(one.share for one in found.layers) == pytest.approx(1)
    last = found.layers[-1]
    assert (last.type, last.output, last.macs) == ("linear", Shape(10, 1, 1), 640)


class Attending(nn.Module):
    """A product that no layer computes, a depthwise layer, and one that is called twice."""

    def __init__(self) -> None:
        super().__init__()
        self.depth = nn.Conv2d(4, 4, (3, 1), padding=(1, 0), groups=4)
        self.head = nn.Linear(6, 6)

    def forward(self, x: Tensor) -> Tensor:
        x = self.depth(self.depth(x)).flatten(2)
        return self.head(self.head(x @ x.transpose(1, 2) @ x))


def test_products_outside_of_layers_and_repeated_layers_are_counted() -> None:
    shape = Shape(4, 2, 3)
    found = computing_of("a", Attending(), shape)
    assert [(one.layer, one.type) for one in found.layers] == [
        ("depth", "depthwise"), ("depth", "depthwise"), ("head", "linear"), ("head", "linear"),
    ]  # fmt: skip
    assert found.layers[0].kernel == (3, 1) and found.layers[0].groups == 4
    assert found.outside == 2 * 4 * 4 * 6
    assert found.macs == macs_of(Attending(), shape)
    assert found.weights == 12 + 36
    assert any("outside of layers" in line for line in computing_lines(found))


def test_the_table_on_a_terminal_is_aligned_and_ends_with_the_sums(trained: nn.Module) -> None:
    lines = sparsity_lines(sparsities("r20", sparsity_of(trained)))
    assert lines[0].split("  ")[0] == "Name" and len(lines) == 24
    at = lines[0].index("NNZ (dense)") + len("NNZ (dense)")
    ends = {line[:at].rstrip()[-1] for line in lines[1:]}
    assert ends <= set("0123456789") and all(line[at : at + 2] == "  " for line in lines)
    assert lines[-1].split() == ["Total", "270,896", "270,896", "0.00"]


def test_the_command_tells_the_same_as_text_json_and_csv(tmp_path: Path) -> None:
    spec = load_spec("resnet20_cifar")
    network = spec.build(seed=3)
    with torch.no_grad():
        network.get_parameter("stem.conv.weight")[:4] = 0
    spec.save(str(tmp_path / "spec.json"))
    arch = ("--arch", tmp_path / "spec.json")
    assert run("summary", *arch).startswith("resnet20_cifar, fresh weights\n")
    save_tensors(tmp_path / "weights.pt", network.state_dict())
    file = tmp_path / "zeros.csv"
    printed = run("summary", *arch, "--csv", file)
    line = printed.splitlines()[2]  # the layer that is called first
    assert line.split()[0] == "stem.conv.weight" and "classifier" in printed.splitlines()[-2]
    assert line.split()[1:6] == ["16x3x3x3", "432", "324", "0.00", "25.00"]
    whole = json.loads(run("summary", *arch, "--json"))
    assert (whole["network"], whole["nonzero"]) == ("resnet20_cifar", 270_896 - 108)
    with file.open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["name"] for row in rows] == [one["name"] for one in whole["tensors"]]
    (row,) = [row for row in rows if row["name"] == "stem.conv.weight"]
    assert (row["filters"], row["columns"], row["shape"]) == ("0.25", "", "16x3x3x3")
    (one,) = [one for one in whole["tensors"] if one["name"] == "stem.conv.weight"]
    assert (one["filters"], one["columns"]) == (0.25, None)

    work = run("summary", *arch, "--of", "compute", "--csv", file)
    assert "40,813,184" in work.splitlines()[-1]
    with file.open() as stream:
        assert sum(int(row["macs"]) for row in csv.DictReader(stream)) == 40_813_184
    assert "did you mean resnet20_cifar?" in refused("summary", "--arch", "resnet20_cifr")
