"""What each method keeps: by hand, by law, and on a real checkpoint as Distiller counted it."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some
from torch import Tensor, nn

from compression.masks import (
    AnyMethod,
    Between,
    Blocks,
    Level,
    Random,
    Sensitivity,
    Surgery,
    Threshold,
    bake,
    refresh,
)
from proxyless_nas.published import published_spec
from proxyless_nas.weights import load_weights
from tests.shared import shared


def kept(method: AnyMethod, weight: Tensor, before: Tensor | None = None) -> list[int]:
    mask = method.mask(
        weight, torch.ones_like(weight, dtype=torch.bool) if before is None else before
    )
    assert mask.dtype == torch.bool and mask.shape == weight.shape
    return mask.flatten().int().tolist()


@given(some.integers(1, 60), some.floats(0, 1), some.integers(0, 99))
def test_a_level_leaves_out_exactly_its_share_even_among_equals(
    count: int, share: float, seed: int
) -> None:
    weight = torch.randint(-2, 3, (count,), generator=torch.Generator().manual_seed(seed)).float()
    mask = torch.tensor(kept(Level(share=share), weight), dtype=torch.bool)
    assert int((~mask).sum()) == int(share * count + 1e-6)
    if mask.any() and not mask.all():
        assert weight[~mask].abs().max() <= weight[mask].abs().min()
    assert len(kept(Random(share=share, seed=seed), weight)) - sum(
        kept(Random(share=share, seed=seed), weight)
    ) == int(share * count + 1e-6)


def test_a_threshold_is_strict() -> None:
    assert kept(Threshold(value=0.4), torch.tensor([0.4, -0.41, 0.39])) == [0, 1, 0]


def test_one_deviation_leaves_out_two_thirds_of_normal_weights() -> None:
    weight = torch.randn(40_000, generator=torch.Generator().manual_seed(0))
    assert 1 - np.mean(kept(Sensitivity(deviations=1.0), weight)) == pytest.approx(0.6827, abs=5e-3)


def test_surgery_lets_elements_go_and_come_back() -> None:
    """The sequence of `mayo_pocketflow_xilinx.md`, A2.1: thresholds 3, 3.18, 3.24, 2.88."""
    mask = torch.ones(5, dtype=torch.bool)
    seen = []
    for row in ([1, 2, 3, 4, 5], [1, 2.9, 3, 4, 5], [1, 3.4, 2.8, 4, 5], [1, 3.4, 3, 2, 5]):
        mask = Surgery().mask(torch.tensor(row, dtype=torch.float32), mask)
        seen.append("".join(map(str, mask.int().tolist())))
    assert seen == ["00111", "00111", "00011", "01001"]
    weight = torch.tensor([-4, -1, 0.5, 2, 3, 0.1])
    assert kept(Surgery(alpha=-0.5), weight) == [1, 1, 0, 1, 1, 0]


@pytest.mark.parametrize("shape", [(3, 8), (4, 8, 3, 3)])
def test_every_block_keeps_its_largest_elements(shape: tuple[int, ...]) -> None:
    weight = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    mask = Blocks(keep=2, block=4).mask(weight, torch.ones_like(weight, dtype=torch.bool))
    rows = mask.movedim(1, -1).reshape(-1, 4)
    sizes = weight.abs().movedim(1, -1).reshape(-1, 4)
    assert (rows.sum(1) == 2).all()
    assert (sizes.masked_fill(~rows, 9).amin(1) >= sizes.masked_fill(rows, 0).amax(1)).all()


def test_weights_without_whole_blocks_and_wrong_shares_are_refused() -> None:
    with pytest.raises(ValueError, match=r"shape \(8, 3, 3, 3\) has no rows of whole blocks of 4"):
        kept(Blocks(), torch.zeros(8, 3, 3, 3))
    with pytest.raises(ValueError, match=r"between 0 and 1, not 1\.5"):
        Level(share=1.5)
    with pytest.raises(ValueError, match="3 of every 2 elements cannot stay"):
        Blocks(keep=3, block=2)
    with pytest.raises(ValueError, match="low <= high"):
        Surgery(low=1.2)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "linear", "nonzeros", "right"),
    [
        (Level(share=0.3), True, 189_636, 922),
        (Level(share=0.5), True, 135_448, 883),
        (Level(share=0.7), True, 81_281, 345),
        (Sensitivity(deviations=0.5), False, 163_080, 912),
    ],
    ids=["level 0.3", "level 0.5", "level 0.7", "sensitivity 0.5"],
)
def test_distillers_resnet_without_tuning(
    method: AnyMethod, linear: bool, nonzeros: int, right: int
) -> None:
    """`distiller.md`, section 5: non-zeros of all 22 weights, of 1,017 images 90.66, 86.82, 33.92
    and 89.68 % right."""
    network = published_spec("resnet20_cifar").build().eval()
    load_weights(network, shared("data/distiller/resnet20_cifar10_dense.pth.tar"))
    layers = [one for one in network.modules() if isinstance(one, nn.Conv2d | nn.Linear)]
    for layer in layers:
        if linear or isinstance(layer, nn.Conv2d):
            refresh(layer, "weight", method)
    bake(network)
    assert sum(int(layer.weight.count_nonzero()) for layer in layers) == nonzeros
    data = np.load(shared("data/cifar10_lossless_6102.npz"))
    images = (torch.from_numpy(data["x_test"]) / 255 - 0.5) / 0.5
    with torch.no_grad():
        answers = network(images).argmax(1) == torch.from_numpy(data["y_test"])
    assert (int(answers.sum()), len(answers)) == (right, 1017)


@pytest.mark.parametrize("share, count, gone", [(0.29, 100, 29), (0.1, 256, 25), (0.57, 100, 57)])
def test_a_share_is_rounded_down_but_not_by_the_errors_of_floats(
    share: float, count: int, gone: int
) -> None:
    kept = Level(share=share).mask(torch.rand(count), torch.ones(count, dtype=torch.bool))
    assert int((~kept).sum()) == gone


@pytest.mark.parametrize(
    "method",
    [Sensitivity(deviations=0.5, of="first"), Surgery(alpha=0.2, of="first"), Surgery(alpha=-0.5)],
)
def test_what_a_method_remembers_is_all_that_it_goes_by(method: AnyMethod) -> None:
    chance = torch.Generator().manual_seed(0)
    first, later = (torch.randn(6, 9, generator=chance) for _ in range(2))
    before = torch.rand(6, 9, generator=chance) > 0.5
    remembering = method.remembering(method.measured(first))
    assert torch.equal(remembering.mask(first, before), method.mask(first, before))
    later = 3 * later
    assert not torch.equal(remembering.mask(later, before), method.mask(later, before))
    assert method.remembers == (getattr(method, "of") == "first")  # noqa: B009


def test_what_lies_between_stays_what_it_was() -> None:
    weight, before = torch.tensor([0.1, 0.5, 0.5, 0.9]), torch.tensor([True, True, False, False])
    assert kept(Between(low=0.3, high=0.7), weight, before) == [0, 1, 0, 1]
    with pytest.raises(ValueError, match="low <= high"):
        Between(low=0.5, high=0.4)
