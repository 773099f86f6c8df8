"""A link to a TVM RPC server that may drop at any time, and is made again."""

import contextlib
import json
import os
import random
import socket
import struct
import sys
import time
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

import tvm
from tvm import rpc
from tvm.rpc import base

from latency_tables.reasons import last_line

T = TypeVar("T")
LOST = (OSError, RuntimeError)  # what TVM raises when the other side is gone
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 3.0
REQUEST_S = 10.0  # a tracker that knows no free device does not answer


class Address:
    """`rpc://HOST:PORT/KEY`: a tracker, and the key that its devices registered under."""

    def __init__(self, text: str) -> None:
        """ValueError where the text is no such address."""
        parts = urlsplit(text)
        self.key = parts.path.strip("/")
        try:
            port = parts.port
        except ValueError:
            port = None
        if parts.scheme != "rpc" or not parts.hostname or port is None or not self.key:
            raise ValueError(f"--device {text!r} is not of the form rpc://HOST:PORT/KEY")
        self.tracker = (parts.hostname, port)

    def __str__(self) -> str:
        return f"rpc://{self.tracker[0]}:{self.tracker[1]}/{self.key}"


class NoTracker(OSError):
    """Nobody answers where the tracker should be."""


class Link:
    """One session with a device. `loaded` holds what lives there; it is lost with the session.

    A session's libraries are freed only when it ends, and it ends when nothing refers to it any
    more: so everything that lives on the device is kept in `loaded`, and nowhere else.
    """

    def __init__(self, address: Address, patience_s: float = 300.0, silence_s: float = 120.0):
        """`patience_s`: how long to look for a device; `silence_s`: how long one may be silent."""
        self.address = address
        self.patience_s = patience_s
        self.silence_s = silence_s
        self.request_s = REQUEST_S
        self.loaded: dict[Any, Any] = {}
        self._session: Any = None
        self._kind: tuple[Any, ...] | None = None

    def run(self, action: Callable[[Any], T]) -> T:
        """`action(session)`, again with a new session whenever the link is lost.

        OSError when no device is there for `patience_s`, and at once when there is no tracker
        before any device was met; ValueError for what the device itself refuses, such as a library
        for another processor, and when another kind of device answers than before.
        """
        patience_ends = time.monotonic() + self.patience_s
        pause = FIRST_PAUSE_S
        while True:
            try:
                if self._session is None:
                    self._connect()
                return action(self._session)
            except LOST as error:
                reason = last_line(error)
                if _refused(error):
                    raise ValueError(f"{self.address.key} refused: {reason}") from error
                self.drop()
                if isinstance(error, NoTracker) and self._kind is None:
                    raise
                if time.monotonic() > patience_ends:
                    raise OSError(
                        f"no device {self.address.key!r} at the tracker "
                        f"{self.address.tracker[0]}:{self.address.tracker[1]} for "
                        f"{self.patience_s:g} s ({reason}); start rpc_server.py there; the same "
                        "command then goes on"
                    ) from error
                print(f"link to {self.address.key} lost ({reason}); again", file=sys.stderr)
            time.sleep(pause * random.uniform(1.0, 1.25))
            pause = min(2 * pause, LONGEST_PAUSE_S)

    def drop(self) -> None:
        """End the session: the device is free for others."""
        self.loaded.clear()
        self._session = None

    def _connect(self) -> None:
        before = _sockets().keys()
        with self._tracker() as tracker:
            tracker.sendall(struct.pack("<i", base.RPC_TRACKER_MAGIC))
            base.recvall(tracker, 4)
            base.sendjson(tracker, [base.TrackerCode.REQUEST, self.address.key, "", 1])
            _, (host, port, match) = base.recvjson(tracker)
        self._session = rpc.connect(host, port, match, 0)
        for name, number in _sockets().items():
            if name not in before:
                _limit_silence(number, self.silence_s)
        self._must_be_alike()

    def _tracker(self) -> socket.socket:
        host, port = self.address.tracker
        try:
            return socket.create_connection((host, port), timeout=self.request_s)
        except OSError as error:
            raise NoTracker(
                f"no tracker answers at {host}:{port} ({last_line(error)}); start one: "
                f"python -m tvm.exec.rpc_tracker --host 0.0.0.0 --port {port}"
            ) from error

    def _must_be_alike(self) -> None:
        """Times of two kinds of device would make one table of neither."""
        facts = describe(self._session) or {}
        kind = tuple(facts.get(name) for name in ("cpu", "machine"))
        if self._kind not in (None, kind):
            self.drop()
            raise ValueError(
                f"another device answers as {self.address.key!r} now: {kind}, before {self._kind}; "
                "give each kind of device its own key"
            )
        self._kind = kind


def describe(session: Any) -> dict[str, Any] | None:
    """What our own server tells of its device; None from TVM's."""
    try:
        return json.loads(str(session.get_function("latency_tables.describe")()))
    except (AttributeError, tvm.error.RPCError):
        return None


def _refused(error: BaseException) -> bool:
    """Whether the device answered, with an error: then the link is well."""
    timeout = isinstance(error, tvm.error.RPCSessionTimeoutError)
    return isinstance(error, tvm.error.RPCError) and not timeout


def _sockets() -> dict[str, int]:
    """This process's sockets: their names, which are never used again, and their numbers."""
    found: dict[str, int] = {}
    if not os.path.isdir("/proc/self/fd"):  # not Linux: silence is not limited
        return found
    for number in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            name = os.readlink(f"/proc/self/fd/{number}")
            if name.startswith("socket:"):
                found[name] = int(number)
    return found


def _limit_silence(number: int, seconds: float) -> None:
    """Let a socket of TVM's, which would wait for ever, fail when nothing comes for so long."""
    try:
        with socket.socket(fileno=os.dup(number)) as same:
            limit = struct.pack("ll", int(seconds), int(seconds % 1 * 1e6))
            same.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
            same.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
            same.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    except OSError:
        return  # another thread's file, or no socket at all
