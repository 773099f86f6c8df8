"""An exported network answers as the module does, or is not written."""

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from compression import export
from compression.export import export_onnx
from latency_tables.graph import to_onnx
from latency_tables.networks import measure_networks
from latency_tables.protocol import Protocol
from proxyless_nas import hand_made, named_space

SPACE = named_space("smoke")


def products(model: onnx.ModelProto) -> Counter[str]:
    """How many convolutions, matrix products and lone batch norms there are."""
    kinds = ("Conv", "Gemm", "MatMul", "BatchNormalization")
    return Counter(node.op_type for node in model.graph.node if node.op_type in kinds)


@pytest.mark.slow
@pytest.mark.parametrize("spec", [hand_made("smoke"), SPACE.network([3, 4, 1, 2])])
def test_the_file_answers_as_the_module_and_can_be_timed(spec, tmp_path: Path) -> None:
    network = spec.build(3)
    for part in network.modules():  # statistics of a network that has seen something
        if isinstance(part, torch.nn.BatchNorm2d) and part.running_mean is not None:
            torch.nn.init.uniform_(part.running_mean, -0.2, 0.2)
            torch.nn.init.uniform_(part.running_var, 0.5, 1.5)  # pyright: ignore
    file = tmp_path / "model.onnx"
    done = export_onnx(network, spec.input, file)
    assert network.training
    assert done.bytes == file.stat().st_size
    assert done.difference < 1e-5
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    image = torch.randn(1, 1, 28, 28, generator=torch.Generator().manual_seed(9))
    (answer,) = session.run(None, {"images": image.numpy()})
    with torch.no_grad():
        expected = network.eval()(image).numpy()
    np.testing.assert_allclose(np.asarray(answer), expected, rtol=1e-3, atol=1e-4)
    assert products(onnx.load(file)) == products(to_onnx(network, spec.input))  # the same work
    own, exported = measure_networks([spec, file], visits=6, protocol=Protocol(spread_s=0))
    for timed in (own, exported):
        assert 0 < timed.p10_ms <= timed.p90_ms and 4 <= timed.visits <= 6


def test_a_network_that_differs_is_not_written(tmp_path: Path, monkeypatch) -> None:
    spec = hand_made("smoke")
    network = spec.build(0)
    monkeypatch.setattr(export, "onnx_bytes", lambda network, shape: b"")
    monkeypatch.setattr(export, "_disagreement", lambda network, data, images: float("nan"))
    with pytest.raises(ValueError, match="nothing was written"):
        export_onnx(network, spec.input, tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []
