"""Laws of runtimes: what they run is the same network, and a table can open its own again."""

import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from latency_tables import LatencyTable
from latency_tables.graph import to_onnx
from latency_tables.head import Identity
from latency_tables.items import network_model
from latency_tables.measure import identity_of, measure_space
from latency_tables.networks import measure_networks
from latency_tables.parts import BlockPart
from latency_tables.protocol import Protocol
from latency_tables.quantize import int8_onnx
from latency_tables.runtimes import OnnxRuntime, RuntimeConfig, open_runtime, runtime_of
from latency_tables.runtimes.eager import folded
from proxyless_nas import MBConv, Shape, named_space

ROOT = Path(__file__).parents[2]
PART = BlockPart(MBConv(16, 48, 5, residual=True), Shape(16, 14, 14))
SHORT = Protocol(burn_in_s=0.0, spread_s=0.0, visit_ms=0.5, min_visits=4, max_visits=4)
EVERY = [
    RuntimeConfig(),
    RuntimeConfig(dtype="int8"),
    RuntimeConfig(threads=2),
    RuntimeConfig(runtime="eager"),
    RuntimeConfig(runtime="inductor"),
    RuntimeConfig(runtime="tvm"),
]
NAMES = [f"{one.runtime}-{one.dtype}-{one.threads}" for one in EVERY]


TIMED = [
    pytest.param(
        one, id=name, marks=[pytest.mark.slow] if one.runtime in ("inductor", "tvm") else []
    )
    for one, name in zip(EVERY, NAMES, strict=True)
]


@pytest.mark.parametrize("config", TIMED)
def test_a_block_and_a_network_are_timed_and_the_runtime_can_be_opened_again(config) -> None:
    threads = torch.get_num_threads()
    runtime = open_runtime(config)
    spec = named_space("smoke").network([0, 0, 0, 0])
    (whole,) = measure_networks([spec], runtime=runtime, visits=4, protocol=SHORT)
    assert 0 < whole.p10_ms < 1000
    call = runtime.prepare(PART.model())
    spent, wall = runtime.stopwatch().time(call, 1e6)
    assert len(spent) == len(wall) >= 1 and min(spent) >= 0 and sum(wall) > 0
    identity = identity_of("smoke", runtime)
    assert identity.protocol is not None and identity.protocol.clock == runtime.stopwatch().name
    assert msgspec.json.decode(msgspec.json.encode(identity), type=Identity) == identity
    again = runtime_of(identity)
    assert (again.info(), again.dtype, again.threads) == (
        runtime.info(),
        config.dtype,
        config.threads,
    )
    torch.set_num_threads(threads)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_openvino_measures_a_space_in_a_process_of_its_own(dtype: str, tmp_path) -> None:
    """Beside TVM and torch in one long process it was once seen to crash."""
    brief = ("--min-visits", "4", "--max-visits", "4", "--spread-s", "0")
    words = ["-m", "latency_tables", "measure", "--space", "smoke", "--runtime", "openvino"]
    words += ["--dtype", dtype, "--out", str(tmp_path / "t.json"), *brief]
    done = subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    identity = LatencyTable.load(tmp_path / "t.json", allow_contended=True).head.identity
    assert (identity.runtime.name, identity.dtype) == ("openvino", dtype)
    assert identity.protocol is not None and identity.protocol.clock == "process_cpu"


@pytest.mark.slow
@pytest.mark.parametrize("granularity", ["block", "layer"])
@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_a_space_is_measured_in_any_granularity_and_data_type(granularity, dtype, tmp_path) -> None:
    table = measure_space(
        named_space("smoke"),
        tmp_path / "t.json",
        runtime=OnnxRuntime(dtype),
        protocol=Protocol(burn_in_s=0.2, spread_s=0.0, min_visits=8, max_visits=8),
        granularity=granularity,
        context="alone",
        show=False,
    )
    identity = table.head.identity
    assert (identity.granularity, identity.dtype) == (granularity, dtype)
    assert all(key.startswith("layer.") == (granularity == "layer") for key in table.entries)


def test_a_folded_module_computes_what_the_module_does() -> None:
    model = PART.model(batch=3)
    with torch.random.fork_rng(devices=[]):
        for buffer in model.module.buffers():
            if buffer.is_floating_point():
                buffer.uniform_(0.5, 1.5)
    module, x = folded(model)
    assert x.shape == (3, 16, 14, 14) and x.is_contiguous(memory_format=torch.channels_last)
    assert not any(isinstance(part, torch.nn.BatchNorm2d) for part in module.modules())
    torch.testing.assert_close(module(x), model.module(x), atol=1e-5, rtol=1e-5)


def test_an_int8_model_is_near_the_float_one_with_signed_weights_per_channel() -> None:
    model = PART.model()
    x = np.random.default_rng(0).standard_normal((1, 16, 14, 14), dtype=np.float32)
    quantised = int8_onnx(model)
    outputs = [
        np.asarray(onnxruntime.InferenceSession(one.SerializeToString()).run(None, {"x": x})[0])
        for one in (to_onnx(model.module, model.shape), quantised)
    ]
    scale = np.abs(outputs[0]).max()
    assert 0 < np.abs(outputs[0] - outputs[1]).max() < 0.1 * scale
    made = {one.name: one for one in quantised.graph.initializer}
    for node in quantised.graph.node:
        if node.op_type == "DequantizeLinear" and node.input[0] in made:
            weight = made[node.input[0]]
            if len(weight.dims) == 4:
                assert weight.data_type == onnx.TensorProto.INT8
                assert list(made[node.input[1]].dims) == [weight.dims[0]]
        if node.op_type == "QuantizeLinear":
            assert made[node.input[2]].data_type == onnx.TensorProto.UINT8


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"runtime": "eager", "dtype": "int8"}, "eager runs float32 and float16"),
        ({"runtime": "eager", "dtype": "float16"}, "eager on the CPU runs float32"),
        ({"runtime": "inductor", "device": "cuda"}, "--device cuda; it runs on cpu"),
        ({"runtime": "eager", "device": "cdua"}, "runs on cpu and cuda"),
        ({"runtime": "tvm", "threads": 2}, "tvm runs on 1 thread"),
        ({"target": "raspberry-pi-4"}, "belong to --runtime tvm"),
        ({"threads": 0}, "below 1"),
    ],
)
def test_what_a_runtime_cannot_do_is_refused_by_name(config, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        open_runtime(RuntimeConfig(**config))


@pytest.mark.parametrize("name", ["openvino", "tvm"])
def test_a_runtime_that_is_not_installed_names_its_extra(name, monkeypatch) -> None:
    for module in list(sys.modules):
        if module == name or module.startswith((f"{name}.", f"latency_tables.runtimes.{name}")):
            monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ValueError, match=rf"pip install 'proxyless-nas\[{name}\]'"):
        open_runtime(RuntimeConfig(runtime=name))


def test_cuda_where_there_is_none_says_so() -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    with pytest.raises(ValueError, match="no CUDA device here"):
        open_runtime(RuntimeConfig(runtime="eager", device="cuda"))


def test_a_ready_onnx_model_needs_a_runtime_that_reads_onnx() -> None:
    data = to_onnx(PART.model().module, PART.shape).SerializeToString()
    with pytest.raises(ValueError, match="needs a torch module"):
        open_runtime(RuntimeConfig(runtime="eager")).prepare(network_model(data))
    for given in (data, onnx.load_from_string(data)):
        with pytest.raises(ValueError, match="--dtype float32"):
            open_runtime(RuntimeConfig(dtype="int8")).prepare(network_model(given))
    with pytest.raises(ValueError, match="onnxruntime or openvino"):
        open_runtime(RuntimeConfig(runtime="tvm")).prepare(network_model(data))


def test_an_imported_table_opens_no_runtime() -> None:
    runtime = OnnxRuntime()
    identity = Identity("smoke", runtime.device(), runtime.info(), None)
    with pytest.raises(ValueError, match="imported"):
        runtime_of(identity)
