"""What is told of layers is what ONNX Runtime does: integers where written, float where kept."""

import tempfile
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static

from compression.int8.answers import in_onnxruntime
from compression.int8.graph import changed, kernels_of, layers_in
from tests.compression.int8.networks import WIDTHS, file_of, images, int8_of, small

FLOAT = file_of(small())
NODES = list(layers_in(FLOAT))
INNER = [(node,) for node in NODES] + list(pairwise(NODES))


class Reader(CalibrationDataReader):
    def __init__(self) -> None:
        self.left = [image.numpy() for image in images().split(1)]

    def get_next(self) -> dict[str, np.ndarray] | None:  # type: ignore[override]
        return {"x": self.left.pop()} if self.left else None


def plainly_excluded(nodes: list[str]) -> bytes:
    """What ONNX Runtime's own quantiser writes when it is told to leave nodes out."""
    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder) / "before.onnx", Path(folder) / "after.onnx"
        before.write_bytes(FLOAT)
        quantize_static(
            before, after, Reader(), per_channel=True, reduce_range=True,
            activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, nodes_to_exclude=nodes,
        )  # fmt: skip
        return after.read_bytes()


def test_every_layer_of_an_int8_file_runs_with_integers_and_a_step_per_channel() -> None:
    data = int8_of(FLOAT, images())
    layers, kernels = layers_in(data), kernels_of(data, runs=3)
    assert {layer.name: layer.steps for layer in layers.values()} == WIDTHS
    assert {layers[node].name: kernel.steps for node, kernel in kernels.items()} == WIDTHS
    assert all(kernel.integer and kernel.ms >= 0 for kernel in kernels.values())
    assert changed(layers, kernels) == []


def test_layers_are_told_apart_though_onnx_runtime_runs_them_in_another_order() -> None:
    kernels = kernels_of(FLOAT, runs=1)
    assert list(kernels) != NODES  # else this tests nothing
    assert sorted(kernels) == sorted(NODES)
    assert not any(kernel.integer for kernel in kernels.values())
    assert changed(layers_in(FLOAT), kernels) == []


@pytest.mark.parametrize("keep", INNER, ids="+".join)
def test_layers_that_are_kept_run_in_float_and_all_others_with_integers(keep) -> None:
    data = int8_of(FLOAT, images(), keep=keep)
    onnx.checker.check_model(onnx.load_from_string(data), full_check=True)
    kernels = kernels_of(data, runs=1)
    assert {node for node, kernel in kernels.items() if not kernel.integer} == set(keep)
    assert changed(layers_in(data), kernels, keep) == []
    whole = int8_of(FLOAT, images())
    for image in images(4).numpy():
        exact, mixed, all_int8 = (in_onnxruntime(one)(image[None]) for one in (FLOAT, data, whole))
        reach = np.abs(exact).max()
        assert np.abs(mixed - exact).max() < 0.1 * reach
        assert np.abs(mixed - all_int8).max() < 0.1 * reach


def test_what_onnx_runtime_quantises_on_its_own_is_told() -> None:
    data = plainly_excluded(["expand"])
    layers, kernels = layers_in(data), kernels_of(data, runs=1)
    assert layers["expand"].steps == 0
    assert changed(layers, kernels) == ["expand (float became int8 of 1 step)"]


def test_a_layer_that_is_not_found_and_one_that_shares_a_step_are_told() -> None:
    data = int8_of(FLOAT, images())
    layers, kernels = layers_in(data), kernels_of(data, runs=1)
    fewer = {node: kernel for node, kernel in kernels.items() if node != "stem"}
    assert changed(layers, fewer) == ["stem (not found in the optimised graph)"]
    per_tensor = kernels | {"project": kernels_of(plainly_excluded(["project"]), 1)["project"]}
    assert changed(layers, per_tensor) == ["project (int8 of 40 steps became int8 of 1 step)"]
    assert changed(layers, kernels, keep=["stem"]) == ["stem (float became int8 of 16 steps)"]
