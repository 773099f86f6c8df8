"""Erasing, mixup and cutmix on whole batches."""

import pytest
import torch

from training.mixing import changes, in_planes


def batch() -> tuple[torch.Tensor, torch.Tensor]:
    x = 1 + torch.arange(64.0)[:, None, None, None].expand(64, 3, 16, 16)
    return x.contiguous(memory_format=torch.channels_last), torch.arange(64) % 10


def changed(**how: float) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(5)
    x, y = batch()
    for change in changes(10, **{"erasing": 0.0, "mixup": 0.0, "cutmix": 0.0, **how}):
        x, y = change(x, y)
    assert x.is_contiguous(memory_format=torch.channels_last)
    return x, y


def test_nothing_asked_nothing_changed() -> None:
    assert changes(10, 0.0, 0.0, 0.0) == []


@pytest.mark.parametrize("share", [0.3, 1.0])
def test_erasing_zeroes_a_rectangle_of_its_own_in_a_share_of_images(share: float) -> None:
    (x, y), (before, labels) = changed(erasing=share), batch()
    zero = (x == 0).all(1)
    hit = zero.flatten(1).any(1)
    assert float(hit.float().mean()) == pytest.approx(share, abs=0.15)
    for mask in zero[hit]:
        rows, columns = mask.any(1).nonzero(), mask.any(0).nonzero()
        assert mask.sum() == len(rows) * len(columns)  # a rectangle
    assert len({tuple(mask.flatten().tolist()) for mask in zero[hit]}) > len(zero[hit]) / 2
    assert torch.equal(x[~hit], before[~hit]) and torch.equal(y, labels)


def test_mixup_mixes_labels_as_it_mixes_images() -> None:
    (x, y), (before, labels) = changed(mixup=1.0), batch()
    assert y.shape == (64, 10)
    torch.testing.assert_close(y.sum(1), torch.ones(64))
    kept = float(y[3, labels[3]])
    assert 0 < kept < 1
    expected = kept * before + (1 - kept) * before.roll(1, 0)
    torch.testing.assert_close(x, expected)


def test_cutmix_gives_each_label_its_share_of_pixels() -> None:
    (x, y), (before, labels) = changed(cutmix=1.0), batch()
    own = (x == before).float().mean((1, 2, 3))
    torch.testing.assert_close(y[torch.arange(64), labels], own)


def test_of_mixup_and_cutmix_every_batch_gets_one() -> None:
    torch.manual_seed(0)
    (mix,) = changes(10, 0.0, 1.0, 1.0)
    pasted = [bool(torch.isin(mix(*batch())[0], batch()[0]).all()) for _ in range(40)]
    assert 8 < sum(pasted) < 32


def test_planes_hold_the_same_images() -> None:
    x, y = batch()
    planes, labels = in_planes(x, y)
    assert planes.is_contiguous() and not x.is_contiguous()
    assert torch.equal(planes, x) and labels is y
