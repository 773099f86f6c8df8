"""Laws of dropped paths: chance in training, nothing in evaluation."""

import pytest
import torch
from torch import nn

from latency_tables.graph import to_onnx
from proxyless_nas import (
    BatchNorm,
    Classifier,
    Conv,
    MBConv,
    Network,
    NetworkSpec,
    Residual,
    Shape,
    Tree,
    drop_paths,
    layers_of,
    proxyless_cifar,
)
from proxyless_nas.blocks.drop_path import DropPath
from proxyless_nas.blocks.tree_modules import Branch, Fork

SHAPE = Shape(8, 6, 6)
TREE = Tree(8, 4, ("7M", "DI", "IA", "5D", "55", "3A"))
CELLS = (TREE, MBConv(8, 24, 3, residual=True), Residual(8, 6), TREE)
SPEC = NetworkSpec("small", SHAPE, Conv(8), (*CELLS, MBConv(8, 8, 3)), None, Classifier(5))
PLAIN = NetworkSpec("plain", SHAPE, Conv(8), (MBConv(8, 8, 3),), None, Classifier(5))
NEARLY_ONE = 1 - 1e-9


def images(count: int = 4) -> torch.Tensor:
    return torch.randn(count, 8, 6, 6, generator=torch.Generator().manual_seed(1))


def rates(network: Network) -> tuple[list[float], list[float]]:
    """The rates of all paths, and those of the blocks in order."""
    owners = [part for part in network.modules() if isinstance(part, (Fork, Branch))]
    drops = [block.get_submodule("drop") for block in list(network.blocks)[: len(CELLS)]]
    return [part.drop.p for part in owners], [d.p for d in drops if isinstance(d, DropPath)]


def test_an_image_loses_its_path_or_keeps_it_scaled_so_that_the_mean_stays() -> None:
    drop, x = DropPath(0.3), torch.full((20_000, 2, 1, 3), 7.0)
    torch.manual_seed(0)
    y = drop(x)
    kept = y[:, 0, 0, 0] != 0
    torch.testing.assert_close(y[kept], x[kept] / 0.7)
    assert not y[~kept].any()
    assert kept.float().mean().item() == pytest.approx(0.7, abs=0.015)  # 4.6 standard deviations


def test_the_same_seed_drops_the_same_images() -> None:
    drop, x = DropPath(0.5), torch.ones(64, 1, 1, 1)
    first, again = (torch.manual_seed(seed) and drop(x) for seed in (5, 5))
    torch.manual_seed(6)
    assert torch.equal(first, again) and not torch.equal(first, drop(x))


@pytest.mark.parametrize("drop", [DropPath(0.5).eval(), DropPath()], ids=["eval", "rate 0"])
def test_nothing_to_drop_is_the_input_itself_and_draws_no_number(drop: DropPath) -> None:
    x, before = images(), torch.get_rng_state()
    assert drop(x) is x
    assert torch.equal(torch.get_rng_state(), before)


def test_the_two_paths_of_a_fork_are_dropped_one_by_one() -> None:
    fork = Fork([nn.Identity(), nn.Identity()], [])
    fork.drop.p = 0.5
    torch.manual_seed(0)
    assert set(fork(torch.ones(64, 1, 1, 1)).flatten().tolist()) == {0.0, 2.0, 4.0}


@pytest.mark.parametrize("block", CELLS[:3], ids=lambda block: type(block).__name__)
def test_a_dropped_block_leaves_its_shortcut(block: Tree | MBConv | Residual) -> None:
    module, x = block.build(SHAPE, BatchNorm()), images()
    drop = module.get_submodule("drop")
    assert isinstance(drop, DropPath)
    drop.p = NEARLY_ONE
    torch.manual_seed(0)
    expected = x.relu() if isinstance(block, Residual) else x
    assert torch.equal(module(x), expected)


def test_every_path_has_the_rate_and_blocks_rise_linearly_to_twice_their_mean() -> None:
    network = SPEC.build(0)
    drop_paths(network, path=0.1, cell=0.25)
    paths, cells = rates(network)
    assert paths == [0.1] * 2 * (6 + 2)  # in both trees: every fork, and the two halves
    assert cells == pytest.approx([0.1, 0.2, 0.3, 0.4])
    drop_paths(network, cell=0.5)
    paths, cells = rates(network)
    assert set(paths) == {0} and sum(cells) / len(cells) == pytest.approx(0.5)


def test_rates_change_nothing_but_training() -> None:
    plain, dropping = SPEC.build(0), SPEC.build(0)
    drop_paths(dropping, path=0.4, cell=0.4)
    assert list(dropping.state_dict()) == list(plain.state_dict())
    assert {layer.name for layer in layers_of(dropping, SHAPE)} == {
        layer.name for layer in SPEC.layers()
    }
    torch.manual_seed(0)
    assert not torch.equal(dropping(images()), plain(images()))
    dropping.load_state_dict(plain.state_dict())
    assert torch.equal(dropping.eval()(images()), plain.eval()(images()))
    assert to_onnx(dropping, SHAPE) == to_onnx(plain, SHAPE)


def test_the_54_cells_of_the_published_tree_network_have_their_mean() -> None:
    network = proxyless_cifar(pretrained=False)
    drop_paths(network, cell=0.3)
    cells = [block.get_submodule("drop") for block in network.blocks]
    found = [drop.p for drop in cells if isinstance(drop, DropPath)]
    assert found == pytest.approx([0.6 * place / 55 for place in range(1, 55)])


@pytest.mark.parametrize(
    ("spec", "path", "cell", "message"),
    [
        (SPEC, 1.0, 0.0, "path drop rate 1.0: it must be at least 0 and less than 1"),
        (SPEC, 0.0, -0.1, "cell drop rate -0.1: it must be at least 0"),
        (SPEC, float("nan"), 0.0, "path drop rate nan"),
        (SPEC, 0.1, 0.7, "the last of 4 blocks .* probability 1.12; give less than 0.625"),
        (PLAIN, 0.1, 0.0, "the network has no tree blocks: leave `path` at 0"),
        (PLAIN, 0.0, 0.1, "the network has no shortcuts: leave `cell` at 0"),
    ],
)
def test_what_cannot_be_dropped_is_an_error_and_leaves_the_rates_alone(
    spec: NetworkSpec, path: float, cell: float, message: str
) -> None:
    network = spec.build(0)
    with pytest.raises(ValueError, match=message):
        drop_paths(network, path, cell)
    assert all(part.p == 0 for part in network.modules() if isinstance(part, DropPath))
