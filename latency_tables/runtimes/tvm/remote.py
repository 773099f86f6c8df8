"""A compiled model on a device far away: uploaded once per session, timed there."""

import itertools
import math
import os
from pathlib import Path
from typing import Any

import numpy as np
from tvm import relax, runtime

from latency_tables.devices.link import Link
from latency_tables.stopwatch import PATIENCE

NUMBERS = itertools.count()


class RemoteCall:
    """Runs `main` of a library on the device; knows how to be timed there."""

    def __init__(self, link: Link, library: Path, x: np.ndarray, own_clock: bool) -> None:
        self._link = link
        self._library = library
        self._x = x
        self._own_clock = own_clock

    def __call__(self) -> None:
        self._link.run(lambda session: self._machine(session).invoke_stateful("main"))

    def outputs(self) -> np.ndarray:
        """What the model makes of its input, brought here."""

        def run(session: Any) -> np.ndarray:
            machine = self._machine(session)
            machine.invoke_stateful("main")
            return machine.get_outputs("main").numpy()

        return self._link.run(run)

    def time(self, length_ns: float) -> tuple[list[int], list[int]]:
        """As a stopwatch does it; by CPU time where our own server runs, else by wall time."""
        return self._link.run(lambda session: self._time(session, int(length_ns)))

    def _time(self, session: Any, length_ns: int) -> tuple[list[int], list[int]]:
        machine = self._machine(session)
        if self._own_clock:
            timed = session.get_function("latency_tables.time")
            pairs = np.frombuffer(
                bytes(timed(machine.module, length_ns, PATIENCE * length_ns)), np.int64
            )
            spent, wall = pairs.reshape(-1, 2).T.tolist()
            return spent, wall
        spent = self._repeat(machine, session, 1)
        # The first call may be slow for being the first: ask again until the time is full.
        while (missing := length_ns - sum(spent)) > 0:
            spent += self._repeat(machine, session, math.ceil(missing / max(min(spent), 1)))
        return spent, spent

    def _repeat(self, machine: Any, session: Any, count: int) -> list[int]:
        once = machine.time_evaluator("invoke_stateful", session.cpu(), number=1, repeat=count)
        return [round(seconds * 1e9) for seconds in once("main").results]

    def _machine(self, session: Any) -> Any:
        """The virtual machine on the device, its input set; uploaded where it is not there yet."""
        loaded = self._link.loaded
        if self not in loaded:
            # A name is used once: replacing a library that is in use kills the session.
            name = f"{os.getpid()}-{next(NUMBERS)}-{self._library.name}"
            session.upload(bytearray(self._library.read_bytes()), name)
            machine = relax.VirtualMachine(session.load_module(name), session.cpu())
            machine.set_input("main", runtime.tensor(self._x, session.cpu()))
            loaded[self] = machine
        return loaded[self]
