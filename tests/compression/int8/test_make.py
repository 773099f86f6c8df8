"""Laws of int8 files: no sum saturates, ranges are those of all images, logits are not rounded."""

import platform
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from torch import nn

from compression.int8.answers import in_onnxruntime
from compression.int8.graph import kernels_of, layers_in
from compression.int8.make import ranges_by, sums_are_exact
from latency_tables import quantize
from proxyless_nas.layer import Shape
from tests.compression.int8.networks import file_of, images, int8_of, small

FLAGS = Path("/proc/cpuinfo").read_text().split() if Path("/proc/cpuinfo").exists() else []
EXACT = {"avx512_vnni", "avx_vnni"} & set(FLAGS)
ONLY_AVX2 = platform.machine() == "x86_64" and "avx2" in FLAGS and not EXACT


def all_alike(groups: int = 1) -> bytes:
    """A layer whose sums are as large as its weights and images allow: ones times ones."""
    layer = nn.Conv2d(64, 64, 3, groups=groups, bias=False)
    nn.init.constant_(layer.weight, 1.0)
    return file_of(nn.Sequential(layer), Shape(64, 5, 5))


def error(float_file: bytes, file: bytes) -> float:
    """Of the answer to ones, relative."""
    ones = np.ones((1, 64, 5, 5), np.float32)
    exact, answer = (in_onnxruntime(data)(ones) for data in (float_file, file))
    return float(np.abs(answer / exact - 1).max())


def weights_in(data: bytes) -> dict[str, int]:
    """The largest quantised weight, by name."""
    found = onnx.load_from_string(data).graph.initializer
    kept = {one.name: numpy_helper.to_array(one).astype(int) for one in found}
    return {
        name.removesuffix(".weight_quantized"): int(np.abs(weight).max())
        for name, weight in kept.items()
        if name.endswith(".weight_quantized")
    }


def test_sums_over_narrow_weights_are_exact_everywhere() -> None:
    ones = torch.ones(2, 64, 5, 5)
    for groups in (1, 64):
        data = all_alike(groups)
        assert error(data, int8_of(data, ones, narrow=True)) < 0.01


@pytest.mark.skipif(not ONLY_AVX2, reason="this CPU adds products of 8 bits without saturation")
def test_wide_weights_saturate_without_vnni_except_in_depthwise_layers() -> None:
    ones = torch.ones(2, 64, 5, 5)
    assert error(all_alike(), int8_of(all_alike(), ones, narrow=False)) > 0.4
    assert error(all_alike(64), int8_of(all_alike(64), ones, narrow=False)) < 0.01


@pytest.mark.skipif(not (EXACT or ONLY_AVX2), reason="another kind of CPU")
def test_onnx_runtime_says_whether_sums_are_exact_here() -> None:
    assert sums_are_exact() == bool(EXACT)


def test_narrow_weights_have_seven_bits_and_depthwise_ones_eight() -> None:
    data = file_of(small())
    largest = weights_in(int8_of(data, images(), narrow=True))
    assert largest.pop("depthwise") == 127
    assert set(largest.values()) == {64} and len(largest) == 5
    assert set(weights_in(int8_of(data, images(), narrow=False)).values()) == {127}


@pytest.mark.parametrize("ranges", ["min-max", "percentile", "entropy"])
def test_ranges_are_those_of_all_images_however_many_are_held_at_once(
    ranges, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data, x = file_of(small()), images(12)
    reach = []
    for at_once in (12, 5):
        monkeypatch.setattr(quantize, "AT_ONCE", at_once)
        found = ranges_by(data, x, ranges)
        reach.append({name: found[name].range_value for name in found.keys()})  # noqa: SIM118
    assert reach[0].keys() == reach[1].keys() and "x" in reach[0]
    for name, (low, high) in reach[0].items():
        again = reach[1][name]
        slack = 0.0 if ranges == "min-max" else 0.15 * (high - low).item()
        assert abs((again[0] - low).item()) <= slack and abs((again[1] - high).item()) <= slack
    whole = ranges_by(data, x, "min-max")["x"].range_value
    assert [whole[0].item(), whole[1].item()] == [x.min().item(), x.max().item()]
    assert capsys.readouterr().out == ""


def test_logits_are_not_rounded_to_the_levels_of_a_byte() -> None:
    data = file_of(small(classes=600))
    answer = in_onnxruntime(int8_of(data, images()))(images(1).numpy())
    assert answer.shape == (1, 600) and len(np.unique(answer)) > 256


def test_a_layer_inside_is_kept_whatever_its_groups_and_sides() -> None:
    layers = [nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 16, 3, groups=4), nn.Conv2d(16, 8, 1)]
    data = file_of(nn.Sequential(*layers))
    x = images()
    middle = list(layers_in(data))[1]
    file = int8_of(data, x, keep=(middle,))
    assert [kernel.integer for kernel in kernels_of(file, 1).values()] == [True, False, True]
    mixed, exact = (in_onnxruntime(one)(x[:1].numpy()) for one in (file, data))
    assert np.abs(mixed - exact).max() < 0.05 * np.abs(exact).max()
