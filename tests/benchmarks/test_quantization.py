"""The price of learning with few bits: a row of times and ratios for each way to quantize."""

import re

import pytest

from benchmarks.quantization import FLOAT, QuantizationConfig, kinds, train


def test_every_way_has_a_time_and_a_ratio(capsys: pytest.CaptureFixture[str]) -> None:
    train("resnet20_cifar", QuantizationConfig(batch_size=2, rounds=2))
    rows = capsys.readouterr().out.splitlines()
    assert len(rows) == 1 + len(kinds(4))
    for row, name in zip(rows, (FLOAT, *kinds(4)), strict=True):
        ms, ratio = (float(found) for found in re.findall(r"[.\d]+(?= \()", row))
        assert row.startswith(f"resnet20_cifar   {name}") and ms > 0 and ratio > 0
        assert name != FLOAT or ratio == 1
