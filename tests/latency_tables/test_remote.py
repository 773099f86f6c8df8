"""Laws of devices behind a tracker, with TVM's real tracker and real servers on localhost."""

import platform
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections import Counter

import numpy as np
import onnxruntime
import pytest

from latency_tables import speed
from latency_tables.devices.link import Address, Link, describe
from latency_tables.devices.remote import RemoteDevice
from latency_tables.journal import journal_path, read
from latency_tables.measure import measure_space
from latency_tables.model import Model
from latency_tables.parts import BlockPart
from latency_tables.protocol import EMPTY, SENTINEL, Protocol, finished
from latency_tables.reasons import last_line
from latency_tables.runtimes import RuntimeConfig, open_runtime
from latency_tables.runtimes.tvm import Tvm
from latency_tables.runtimes.tvm.remote import RemoteCall
from latency_tables.runtimes.tvm.targets import PRESETS, export, target_of
from proxyless_nas import Classifier, Conv, Edge, MBConv, Shape, Space
from tests.latency_tables.rpc import server, stock_server, tracker, wait_until_free

pytestmark = pytest.mark.slow
FIVE = Space(
    "five",
    Shape(3, 16, 16),
    Conv(8, 3, 2),
    (Edge((MBConv(8, 16, 3, residual=True), MBConv(8, 16, 5, residual=True))),),
    Conv(16),
    Classifier(4),
)
BRIEF = Protocol(burn_in_s=0.1, spread_s=1.0, visit_ms=1.0, min_visits=6, max_visits=8)
PART = BlockPart(MBConv(8, 16, 5, residual=True), Shape(8, 14, 14))


@pytest.fixture(scope="module")
def port():
    with tracker() as number:
        yield number


def remote(port: int, key: str, patience_s: float = 30.0) -> Tvm:
    return Tvm(f"rpc://127.0.0.1:{port}/{key}", "host", patience_s=patience_s)


def expected(model: Model) -> np.ndarray:
    """What ONNX Runtime makes of the input that every TVM call gets."""
    x = np.random.default_rng(0).standard_normal(model.sides, dtype=np.float32)
    session = onnxruntime.InferenceSession(model.onnx().SerializeToString())  # type: ignore[union-attr]
    return np.asarray(session.run(None, {"x": x})[0])


def test_a_model_computes_the_same_far_away_and_is_timed_there(port: int) -> None:
    process = server(port, "same")
    try:
        runtime = remote(port, "same")
        device = runtime.device()
        assert isinstance(device, RemoteDevice)
        assert device.machine == platform.machine() and device.emulated is False
        model = PART.model()
        call = runtime.prepare(model)
        assert isinstance(call, RemoteCall)
        np.testing.assert_allclose(call.outputs(), expected(model), atol=1e-5)
        assert runtime.stopwatch().name == "remote_cpu"
        spent, wall = runtime.stopwatch().time(call, 2e6)
        assert sum(spent) >= 2e6 and len(spent) == len(wall) > 1
        assert min(spent) > 0 and sum(spent) < 1.5 * sum(wall)
    finally:
        process.kill()


def test_five_blocks_survive_the_death_of_their_server(port: int, tmp_path, capsys) -> None:
    out = tmp_path / "t.json"
    first = server(port, "mortal")
    seen: dict[str, object] = {}

    def kill_in_the_middle() -> None:
        while not journal_path(out).exists() or read(journal_path(out))[1].get(EMPTY) is None:
            time.sleep(0.01)
        first.kill()
        seen["before"] = read(journal_path(out))[1]
        time.sleep(0.5)
        seen["second"] = server(port, "mortal")  # dies with the thread that started it
        done.wait()

    done, killer = threading.Event(), threading.Thread(target=kill_in_the_middle)
    killer.start()
    try:
        table = measure_space(FIVE, out, runtime=remote(port, "mortal"), protocol=BRIEF, show=False)
    finally:
        done.set()
        killer.join()
        seen["second"].kill()  # type: ignore[attr-defined]
    assert "link to mortal lost" in capsys.readouterr().err
    assert len(table.entries) == len(FIVE.blocks()) == 5
    before = seen["before"]
    assert isinstance(before, dict) and sum(map(len, before.values())) > 0
    assert not any(finished(visits, BRIEF) for key, visits in before.items() if key != SENTINEL)
    for entry in table.entries.values():
        assert entry.visits is not None and entry.visits <= BRIEF.max_visits


def test_a_run_that_died_with_its_server_goes_on_and_measures_nothing_twice(
    port: int, tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr(speed, "SENTINEL_MAY_MOVE", 9.0)  # this machine may be busy
    out, process = tmp_path / "t.json", server(port, "again")
    runtime = remote(port, "again", patience_s=0.0)
    prepare, calls = runtime.prepare, Counter[str]()

    def prepare_and_count(model: Model):
        call = prepare(model)
        time_it = call.time  # type: ignore[attr-defined]

        def counted(length_ns: float):
            if sum(calls.values()) == next(deaths, None):
                process.kill()
            told = time_it(length_ns)
            calls[model.name] += 1
            return told

        call.time = counted  # type: ignore[attr-defined]
        return call

    runtime.prepare = prepare_and_count  # type: ignore[method-assign]
    steady = Protocol(burn_in_s=0, spread_s=0, visit_ms=1.0, min_visits=6, max_visits=6)
    deaths = iter([25] * 100)
    with pytest.raises(OSError, match=r"no device 'again'.*rpc_server\.py"):
        measure_space(FIVE, out, runtime=runtime, protocol=steady, show=False)
    kept = read(journal_path(out))[1]
    assert sum(map(len, kept.values())) == 25
    process = server(port, "again")
    wait_until_free(port, "again")
    deaths = iter(())
    runtime._link.patience_s = 30.0  # type: ignore[union-attr]
    try:
        table = measure_space(FIVE, out, runtime=runtime, protocol=steady, show=False)
    finally:
        process.kill()
    assert len(table.entries) == 5
    for key in table.entries:
        assert calls[key] == 6, "each visit was made once, before or after the death"


def test_a_server_of_tvms_own_is_timed_by_wall_time(port: int) -> None:
    process = stock_server(port, "stock")
    try:
        wait_until_free(port, "stock", 30.0)
        runtime, model = remote(port, "stock"), PART.model()
        device = runtime.device()
        assert isinstance(device, RemoteDevice) and device.machine is device.emulated is None
        call = runtime.prepare(model)
        assert isinstance(call, RemoteCall)
        np.testing.assert_allclose(call.outputs(), expected(model), atol=1e-5)
        assert runtime.stopwatch().name == "remote_wall" and runtime.load() is None
        spent, wall = runtime.stopwatch().time(call, 2e6)
        assert spent == wall and sum(spent) >= 2e6 and min(spent) > 0
    finally:
        process.kill()


def test_an_error_without_words_is_told_by_its_type() -> None:
    assert last_line(ConnectionResetError()) == "ConnectionResetError"
    assert last_line(RuntimeError("first\nlast\n")) == "last"


def test_a_library_that_the_device_cannot_load_is_refused_and_the_link_stays(
    port: int, tmp_path, capsys
) -> None:
    (tmp_path / "bad.so").write_bytes(b"no library")
    process = server(port, "picky")
    try:
        link = Link(Address(f"rpc://127.0.0.1:{port}/picky"), patience_s=5.0)
        bad = RemoteCall(link, tmp_path / "bad.so", np.zeros((1, 3, 4, 4), np.float32), True)
        with pytest.raises(ValueError, match="picky refused"):
            bad()
        assert link.run(describe) and "lost" not in capsys.readouterr().err
    finally:
        process.kill()


def test_a_device_that_falls_silent_is_given_up(port: int) -> None:
    process = server(port, "silent")
    try:
        link = Link(Address(f"rpc://127.0.0.1:{port}/silent"), patience_s=0.0, silence_s=2.0)
        assert link.run(describe)
        process.kill(signal.SIGSTOP)
        begin = time.monotonic()
        with pytest.raises(OSError, match="no device 'silent'"):
            link.run(describe)
        assert 1.5 < time.monotonic() - begin < 10
    finally:
        process.kill(signal.SIGCONT)
        process.kill()


def test_a_key_that_nobody_registered_is_an_error_not_a_wait_for_ever(port: int) -> None:
    link = Link(Address(f"rpc://127.0.0.1:{port}/nobody"), patience_s=0.0, silence_s=2.0)
    link.request_s = 1.0
    with pytest.raises(OSError, match=r"no device 'nobody'.*rpc_server\.py"):
        link.run(describe)


def test_a_tracker_that_was_never_there_is_told_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    link = Link(Address(f"rpc://127.0.0.1:{port}/any"), patience_s=300.0)
    begin = time.monotonic()
    with pytest.raises(OSError, match=rf"no tracker answers at 127.0.0.1:{port}.*rpc_tracker"):
        link.run(describe)
    assert time.monotonic() - begin < 5


def test_another_kind_of_device_under_the_same_key_is_refused(port: int) -> None:
    link = Link(Address(f"rpc://127.0.0.1:{port}/twin"), patience_s=30.0)
    known = server(port, "twin")
    try:
        assert link.run(describe)
    finally:
        known.kill()
    stranger = stock_server(port, "twin")  # it cannot say what it is
    try:
        wait_until_free(port, "twin")
        with pytest.raises(ValueError, match="another device answers as 'twin'"):
            link.run(describe)
    finally:
        stranger.kill()


@pytest.mark.parametrize(
    "wrong", ["rpc://host/key", "rpc://host:9190", "http://host:9190/key", "rpc://host:x/key", "pi"]
)
def test_an_address_that_is_none_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"rpc://HOST:PORT/KEY"):
        Address(wrong)


def test_a_device_needs_a_target_and_a_target_must_be_known() -> None:
    with pytest.raises(ValueError, match=r"--target.*raspberry-pi-4"):
        open_runtime(RuntimeConfig(runtime="tvm", device="rpc://127.0.0.1:1/x"))
    with pytest.raises(ValueError, match="did you mean raspberry-pi-4"):
        target_of("raspbery-pi-4")
    with pytest.raises(ValueError, match="no JSON"):
        target_of("{mcpu")
    with pytest.raises(ValueError, match="TVM does not take it"):
        target_of('{"kind": "llvm", "colour": "red"}')


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_a_target(name: str) -> None:
    assert target_of(name)["num-cores"] == 1


@pytest.mark.skipif(
    shutil.which("aarch64-linux-gnu-gcc") is None, reason="needs gcc-aarch64-linux-gnu"
)
def test_a_block_is_linked_for_a_raspberry_pi(tmp_path) -> None:
    from latency_tables.runtimes.tvm.building import Recipe, build

    target = target_of("raspberry-pi-4")
    library = export(build(PART.model(), target, Recipe()), target, tmp_path, "block")
    assert "ARM aarch64" in subprocess.check_output(["file", library], text=True)
