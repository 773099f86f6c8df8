"""The TVM runtime: compile for a target, run here or behind a tracker."""

import json
import shutil
import tempfile
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import tvm
from msgspec import structs
from tvm import relax

from latency_tables.devices import AnyDevice, RemoteDevice, fingerprint, load_average
from latency_tables.devices.link import Address, Link, describe
from latency_tables.devices.remote import RemoteClock
from latency_tables.head import DataType, RuntimeInfo
from latency_tables.model import Model
from latency_tables.runtimes.base import check_dtype
from latency_tables.runtimes.tvm.building import Recipe, build
from latency_tables.runtimes.tvm.remote import RemoteCall
from latency_tables.runtimes.tvm.targets import HOST, PRESETS, export, target_of
from latency_tables.stopwatch import Call, Stopwatch, thread_time


class Tvm:
    """TVM Relax on one thread, float32; `recipe` says how it is made fast."""

    def __init__(
        self,
        place: str = "cpu",
        target: str | None = None,
        recipe: Recipe | None = None,
        dtype: DataType = "float32",
        threads: int = 1,
        patience_s: float = 300.0,
    ) -> None:
        """`place` is cpu, or rpc://HOST:PORT/KEY, which needs a `target`. ValueError else."""
        check_dtype("tvm", dtype, ("float32",))
        if threads != 1:
            raise ValueError(f"--threads {threads}: tvm runs on 1 thread")
        self.dtype: DataType = dtype
        self.threads = threads
        self._folder = Path(tempfile.mkdtemp(prefix="latency_tables_"))
        weakref.finalize(self, shutil.rmtree, self._folder, True)
        self._recipe = recipe or Recipe()
        if self._recipe.schedule == "tuned" and self._recipe.records is None:
            self._recipe = structs.replace(self._recipe, records=str(self._folder))
        self._link: Link | None = None
        if place != "cpu":
            if self._recipe.schedule == "tuned":
                raise ValueError(f"--schedule tuned tunes on this CPU, not on --device {place}")
            self._link = Link(Address(place), patience_s)
            if target is None:
                raise ValueError(
                    f"--device {place} needs a --target to compile for: {', '.join(PRESETS)}"
                )
        self._target = target_of(target or HOST)
        self._facts: dict[str, Any] | None = None

    def info(self) -> RuntimeInfo:
        options = {"target": json.dumps(self._target, sort_keys=True), **self._recipe.options()}
        return RuntimeInfo("tvm", tvm.__version__, options)

    def device(self) -> AnyDevice:
        if self._link is None:
            return fingerprint()
        facts = self._describe() or {}
        names = ("cpu", "machine", "kernel", "governor", "emulated")
        known = {name: facts.get(name) for name in names}
        return RemoteDevice(key=self._link.address.key, **known)

    def stopwatch(self) -> Stopwatch:
        if self._link is None:
            return thread_time()
        return RemoteClock("remote_cpu" if self._tells_cpu_time() else "remote_wall")

    def load(self) -> float | None:
        if self._link is None:
            return load_average()
        facts = self._link.run(describe)
        return None if facts is None else float(facts["load"])

    def prepare(self, model: Model) -> Call:
        """Compile; for a device far away also link and, when it is first called, upload."""
        x = np.random.default_rng(0).standard_normal(model.sides, dtype=np.float32)
        executable = build(model, self._target, self._recipe)
        if self._link is not None:
            library = export(executable, self._target, self._folder, _file_name(model))
            return RemoteCall(self._link, library, x, self._tells_cpu_time())
        main = relax.VirtualMachine(executable, tvm.cpu())["main"]  # type: ignore[arg-type]
        given = tvm.runtime.tensor(x, tvm.cpu())

        def call() -> None:
            main(given)

        return call

    def _describe(self) -> dict[str, Any] | None:
        if self._facts is None and self._link is not None:
            self._facts = self._link.run(describe)
        return self._facts

    def _tells_cpu_time(self) -> bool:
        facts = self._describe()
        return facts is not None and facts["threads"] == 1


def _file_name(model: Model) -> str:
    return "".join(sign if sign.isalnum() else "_" for sign in model.name)[:100]
