"""What the tuner found, kept in a folder: one database per target and TVM version.

TVM appends each trial to the database when it has been measured, so an interrupted tuning loses
nothing. Beside it stands which functions have had their trials: `finished.json`.
"""

import hashlib
from collections import Counter
from functools import lru_cache
from pathlib import Path
from typing import Any

import tvm
import tvm_ffi
from tvm.s_tir import meta_schedule

from proxyless_nas.files import read_json, write_json

FINISHED = "finished.json"


class Records:
    """The records of one target. One process at a time may add to them."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.database: Any = meta_schedule.database.JSONDatabase(work_dir=str(folder))
        path = folder / FINISHED
        self._finished = read_json(path, dict[str, int]) if path.exists() else {}

    def trials(self, loops: tvm.IRModule) -> int:
        """The trials for a whole model that these loops were part of; 0 if they never were."""
        return self._finished.get(key_of(loops), 0)

    def found(self) -> Counter[str]:
        """How many records there are of each function."""
        records = self.database.get_all_tuning_records()
        return Counter(key_of(record.workload.mod) for record in records)

    def finish(self, loops: tvm.IRModule, trials: int) -> None:
        """These loops need no further trial, unless more are asked for than `trials`."""
        self._finished[key_of(loops)] = trials
        write_json(self.folder / FINISHED, self._finished)


def key_of(loops: tvm.IRModule) -> str:
    """Tells functions apart by what they compute, on which shapes; weights do not count."""
    return format(tvm_ffi.structural_hash(loops) % 2**64, "016x")


def records_of(folder: str | Path, target: tvm.target.Target) -> Records:
    """The records of a target within a folder; read once per process."""
    attributes: Any = target.attrs
    words = hashlib.sha256(str(target).encode()).hexdigest()[:12]
    name = f"tvm-{tvm.__version__}-{attributes.get('mcpu', 'generic')}-{words}"
    return _opened((Path(folder) / name).resolve())


_opened = lru_cache(maxsize=4)(Records)
