"""A real tracker and real servers on localhost, in processes that can be killed."""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from latency_tables import on_device

TRACKER = (
    "import ctypes, signal, sys\n"
    "ctypes.CDLL(None).prctl(1, signal.SIGKILL)\n"
    "from tvm.rpc.tracker import PopenTrackerServerState\n"
    "state = PopenTrackerServerState('127.0.0.1', int(sys.argv[1]), 9999, silent=True)\n"
    "print('ready:', state.port, flush=True)\n"
    "state.thread.join()\n"
)
SERVER = str(next(iter(on_device.__path__))) + "/rpc_server.py"


class Process:
    """A program that says when it is ready; `kill` ends it and all its children."""

    def __init__(self, words: list[str], says: str | None = "ready", **environment: str) -> None:
        self._process = subprocess.Popen(
            words,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
            env={**os.environ, **environment},
        )
        assert self._process.stdout is not None
        if says is None:  # it says nothing: the tracker knows when it is ready
            return
        ready, _, _ = select.select([self._process.stdout], [], [], 60)
        self.said = self._process.stdout.readline() if ready else ""
        if says not in self.said.lower():
            self.kill()
            raise AssertionError(f"{words[:3]} did not start: {self.said!r}")

    def kill(self, how: signal.Signals = signal.SIGKILL) -> None:
        os.killpg(self._process.pid, how)
        if how == signal.SIGKILL:
            self._process.wait(10)
            assert self._process.stdout is not None
            self._process.stdout.close()


@contextmanager
def tracker() -> Iterator[int]:
    """The port of a tracker."""
    process = Process([sys.executable, "-c", TRACKER, "9390"])
    try:
        yield int(process.said.split()[1])
    finally:
        process.kill()


def server(
    port: int, key: str, python: tuple[str, ...] = (sys.executable,), **more: str
) -> Process:
    """Our server, registered at the tracker."""
    words = [*python, SERVER, "--tracker", f"127.0.0.1:{port}", "--key", key]
    return Process([*words, "--host", "127.0.0.1", "--port", "9500", "--die-with-parent"], **more)


def stock_server(port: int, key: str) -> Process:
    """TVM's own server, as its users start it."""
    words = [sys.executable, "-m", "tvm.exec.rpc_server", "--host", "127.0.0.1", "--key", key]
    return Process(
        [*words, "--port", "9600", "--port-end", "9699", "--tracker", f"127.0.0.1:{port}"],
        says=None,
    )


def wait_until_free(port: int, key: str, seconds: float = 60.0) -> None:
    """Return when a server of this key waits for work."""
    from tvm import rpc

    end = time.monotonic() + seconds
    while time.monotonic() < end:
        queue = rpc.connect_tracker("127.0.0.1", port).summary()["queue_info"]
        if queue.get(key, {}).get("free"):
            return
        time.sleep(0.05)
    raise AssertionError(f"no server {key} registered within {seconds} s")
