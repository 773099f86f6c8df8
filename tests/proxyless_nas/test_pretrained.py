"""Published weights: right ones are loaded, wrong ones are explained and leave nothing behind."""

import hashlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from proxyless_nas import Classifier, Conv, MBConv, Network, NetworkSpec, Shape, download
from proxyless_nas.pretrained import PRETRAINED, Weights, cache_folder, load_pretrained
from proxyless_nas.weights import save_tensors
from tests.proxyless_nas.server import Server, body, serve

ROOT = Path(__file__).parents[2]
SPEC = NetworkSpec(
    "small", Shape(3, 16, 16), Conv(8, 3, 2), (MBConv(8, 16, 3),), Conv(24), Classifier(7)
)
OTHER = NetworkSpec(
    "other", Shape(3, 16, 16), Conv(8, 3, 2), (MBConv(8, 24, 3),), Conv(24), Classifier(7)
)
FETCH = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job starts deaf to it
from proxyless_nas import load_spec
from proxyless_nas.pretrained import Weights, load_pretrained
load_pretrained(load_spec(sys.argv[1]).build(), Weights("small.pth", hosts=(sys.argv[2],)))
"""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("no_proxy", "*")
    return tmp_path / "home" / "proxyless_nas"


@pytest.fixture
def server() -> Iterator[Server]:
    with serve() as running:
        yield running


def checkpoint(tmp_path: Path, spec: NetworkSpec = SPEC, seed: int = 1) -> bytes:
    save_tensors(tmp_path / "made.pth", spec.build(seed).state_dict())
    return (tmp_path / "made.pth").read_bytes()


def weights(server: Server, sha256: str | None = None) -> Weights:
    return Weights("small.pth", sha256, (f"{server.url}/first/", f"{server.url}/second/"))


def holds(network: Network, seed: int) -> bool:
    pairs = zip(network.parameters(), SPEC.build(seed).parameters(), strict=True)
    return all(torch.equal(mine, wanted) for mine, wanted in pairs)


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir()) if folder.exists() else []


def refused(error: type[Exception], weights: Weights) -> str:
    with pytest.raises(error) as caught:
        load_pretrained(SPEC.build(), weights, progress=False)
    message = str(caught.value)
    assert 1 <= len(message.splitlines()) <= 2, message
    return message


def test_a_download_is_kept_and_not_repeated(server: Server, cache: Path, tmp_path: Path) -> None:
    data = checkpoint(tmp_path)
    server.answers["/first/small.pth"] = body(data)
    for _ in range(2):
        network = SPEC.build(2)
        load_pretrained(network, weights(server), progress=False)
        assert holds(network, 1)
    assert server.asked == ["/first/small.pth"]
    assert names(cache) == ["small.pth", "small.pth.sha256"]
    digest = hashlib.sha256(data).hexdigest()
    assert (cache / "small.pth.sha256").read_text() == f"{digest}  small.pth\n"


def test_a_known_hash_is_checked_and_needs_no_note(
    server: Server, cache: Path, tmp_path: Path
) -> None:
    data = checkpoint(tmp_path)
    server.answers["/first/small.pth"] = body(checkpoint(tmp_path, seed=3))
    server.answers["/second/small.pth"] = body(data)
    network = SPEC.build(2)
    load_pretrained(network, weights(server, hashlib.sha256(data).hexdigest()), progress=False)
    assert holds(network, 1) and names(cache) == ["small.pth"]


BAD = {
    "missing": (None, "HTTP 404"),
    "truncated": ("half", "broke off after"),
    "garbage": (b"<html>log in first</html>", "not a readable torch file"),
    "empty": (b"", "not a readable torch file"),
    "another network": ("other", "does not hold the weights of small"),
}


def bad_answer(server: Server, tmp_path: Path, what: bytes | str | None) -> None:
    data = checkpoint(tmp_path)
    if what == "half":
        server.answers["/first/small.pth"] = body(data[: len(data) // 2], len(data))
    elif what == "other":
        server.answers["/first/small.pth"] = body(checkpoint(tmp_path, OTHER))
    elif isinstance(what, bytes):
        server.answers["/first/small.pth"] = body(what)


@pytest.mark.parametrize(("what", "reason"), BAD.values(), ids=BAD.keys())
def test_a_bad_answer_leaves_nothing_behind_and_says_what_to_do(
    server: Server, cache: Path, tmp_path: Path, what: bytes | str | None, reason: str
) -> None:
    bad_answer(server, tmp_path, what)
    message = refused(OSError, weights(server))
    assert reason in message and "small.pth" in message and str(cache) in message
    assert names(cache) == []


@pytest.mark.parametrize(("what", "reason"), BAD.values(), ids=BAD.keys())
def test_behind_a_bad_answer_the_next_host_is_asked(
    server: Server, cache: Path, tmp_path: Path, what: bytes | str | None, reason: str
) -> None:
    bad_answer(server, tmp_path, what)
    server.answers["/second/small.pth"] = body(checkpoint(tmp_path))
    network = SPEC.build(2)
    load_pretrained(network, weights(server), progress=False)
    assert holds(network, 1)
    assert server.asked == ["/first/small.pth", "/second/small.pth"]
    assert names(cache) == ["small.pth", "small.pth.sha256"]


def test_a_wrong_hash_is_refused_and_removed(server: Server, cache: Path, tmp_path: Path) -> None:
    server.answers["/first/small.pth"] = body(checkpoint(tmp_path))
    message = refused(OSError, weights(server, "ab" * 32))
    assert "sha256 is " in message and "expected abababababab" in message
    assert names(cache) == []


def test_without_a_network_the_message_names_the_file_and_where_to_put_it(cache: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    message = refused(OSError, Weights("small.pth", hosts=(f"http://127.0.0.1:{port}/",)))
    assert "Connection refused" in message and f"127.0.0.1:{port}" in message
    assert f"put it into {cache}" in message
    assert names(cache) == []


def test_a_silent_server_does_not_keep_us(
    server: Server, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "TIMEOUT_SECONDS", 0.2)
    server.answers["/first/small.pth"] = lambda handler: (server.end.wait(), None)[1]
    assert "timed out" in refused(OSError, weights(server))
    assert names(cache) == []


def test_a_file_put_there_by_hand_is_taken(server: Server, cache: Path, tmp_path: Path) -> None:
    cache.mkdir(parents=True)
    (cache / "small.pth").write_bytes(checkpoint(tmp_path))
    network = SPEC.build(2)
    load_pretrained(network, weights(server), progress=False)
    assert holds(network, 1) and server.asked == []
    assert names(cache) == ["small.pth", "small.pth.sha256"]


@pytest.mark.parametrize("what", ["garbage", "another network", "wrong hash"])
def test_a_bad_file_put_there_by_hand_is_named_and_not_touched(
    server: Server, cache: Path, tmp_path: Path, what: str
) -> None:
    data = b"garbage" if what == "garbage" else checkpoint(tmp_path, OTHER)
    cache.mkdir(parents=True)
    (cache / "small.pth").write_bytes(data)
    message = refused(ValueError, weights(server, "ab" * 32 if what == "wrong hash" else None))
    assert str(cache / "small.pth") in message and "delete small.pth" in message
    assert (cache / "small.pth").read_bytes() == data
    assert names(cache) == ["small.pth"] and server.asked == []


def test_a_file_that_changed_is_refused_until_the_change_is_said_to_be_meant(
    server: Server, cache: Path, tmp_path: Path
) -> None:
    server.answers["/first/small.pth"] = body(checkpoint(tmp_path))
    load_pretrained(SPEC.build(), weights(server), progress=False)
    (cache / "small.pth").write_bytes(checkpoint(tmp_path, seed=3))
    message = refused(ValueError, weights(server))
    assert f"if the change is meant, delete {cache / 'small.pth.sha256'}" in message
    (cache / "small.pth.sha256").unlink()
    network = SPEC.build(2)
    load_pretrained(network, weights(server), progress=False)
    assert holds(network, 3)
    (cache / "small.pth").unlink()
    assert "as before" in refused(OSError, weights(server))  # the server still has seed 1
    assert names(cache) == ["small.pth.sha256"]


def test_what_a_killed_process_left_is_removed_and_a_running_download_is_not(
    server: Server, cache: Path, tmp_path: Path
) -> None:
    cache.mkdir(parents=True)
    for name, age in ((".small.pth.old", 7200), (".small.pth.new", 10)):
        (cache / name).write_bytes(b"x")
        os.utime(cache / name, (time.time() - age, time.time() - age))
    server.answers["/first/small.pth"] = body(checkpoint(tmp_path))
    load_pretrained(SPEC.build(), weights(server), progress=False)
    assert names(cache) == [".small.pth.new", "small.pth", "small.pth.sha256"]


def start_fetching(server: Server, tmp_path: Path) -> "subprocess.Popen[str]":
    SPEC.save(str(tmp_path / "spec.json"))
    words = [sys.executable, "-c", FETCH, str(tmp_path / "spec.json"), f"{server.url}/first/"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(words, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True)


def test_control_c_in_the_middle_leaves_nothing(
    server: Server, cache: Path, tmp_path: Path
) -> None:
    data = checkpoint(tmp_path)

    def half_then_silence(handler) -> None:
        body(data[: len(data) // 2], len(data))(handler)
        server.end.wait()

    server.answers["/first/small.pth"] = half_then_silence
    process = start_fetching(server, tmp_path)
    deadline = time.monotonic() + 60
    while not names(cache) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(names(cache)) == 1  # the temporary file
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, complaint = process.communicate(timeout=60)
    assert "KeyboardInterrupt" in complaint
    assert names(cache) == []


@pytest.mark.slow
def test_two_processes_may_download_at_once(server: Server, cache: Path, tmp_path: Path) -> None:
    data, both = checkpoint(tmp_path), threading.Barrier(2, timeout=60)

    def together(handler) -> None:
        both.wait()
        body(data)(handler)

    server.answers["/first/small.pth"] = together
    for process in [start_fetching(server, tmp_path) for _ in range(2)]:
        _, complaint = process.communicate(timeout=60)
        assert process.returncode == 0, complaint
        assert "small.pth: 100%" in complaint  # the bar
    assert len(server.asked) == 2
    assert names(cache) == ["small.pth", "small.pth.sha256"]
    assert (cache / "small.pth").read_bytes() == data


def test_the_cache_is_where_the_original_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TORCH_HOME")
    monkeypatch.setenv("HOME", "/home/somebody")
    assert cache_folder() == Path("/home/somebody/.torch/proxyless_nas")


def test_published_files_are_named_as_the_original_names_them() -> None:
    for name, one in PRETRAINED.items():
        assert one.file == f"{name}.pth"
        assert all(host.startswith("https://") and host.endswith("/") for host in one.hosts)
