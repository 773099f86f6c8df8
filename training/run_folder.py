"""The folder of one run: its config, its log, its checkpoints; made to be continued."""

import fcntl
import json
import shutil
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, TypeVar

import msgspec
from msgspec import Struct
from torch.utils.tensorboard import SummaryWriter

from proxyless_nas.files import read_json, write_bytes, write_json
from proxyless_nas.weights import save_tensors
from training.checkpoints import Checkpoints

Config = TypeVar("Config", bound=Struct)

LEFT = (
    *("config.json", "recipe.json", "log.jsonl", "result.json"),
    *("spec.json", "network.yaml", "exits.json", "network.pt2"),
)
"""What a run leaves besides weights and TensorBoard's events."""


class RunFolder:
    """config.json, log.jsonl, last.pt, previous.pt and TensorBoard events of one run.

    `journals` names files like tries.jsonl that stand beside the log (`append`) and are cut back
    like it.

    Opening a folder that holds another config is a ValueError that names the first difference,
    fields in `may_differ` aside: an interrupted run continues only as the run it was. Opening a
    folder in which another process is at work is a ValueError too. Without `resume` what an
    earlier run left is removed first.
    """

    def __init__(
        self,
        path: str | Path,
        config: Struct,
        may_differ: Collection[str] = (),
        resume: bool = True,
        journals: Collection[str] = (),
    ) -> None:
        self.path = Path(path)
        self._journals = ("log.jsonl", *journals)
        self._lock = _lock(self.path)
        try:
            if resume:
                self._must_match(config, may_differ)
            else:
                _remove_run(self.path)
        except BaseException:
            self._lock.close()
            raise
        write_json(self.path / "config.json", config)
        self._checkpoints = Checkpoints(self.path)
        self._writer: SummaryWriter | None = None

    def checkpoint(self) -> dict[str, Any] | None:
        """The last saved state with the logs cut back to it, or None for a fresh start."""
        state = self._checkpoints.load()
        self._cut_log(0 if state is None else state["step"])
        return state

    def save(self, step: int, state: dict[str, Any]) -> None:
        """Keep `state` as the point from which a later call continues."""
        self._checkpoints.save(step, state)

    def keep(self, name: str, state: dict[str, Any]) -> None:
        """Write `state` under a name of its own, in one step."""
        save_tensors(self.path / name, state)

    def log(self, step: int, record: dict[str, Any]) -> None:
        """Append one line to log.jsonl; its numbers, also nested ones, go to TensorBoard."""
        with (self.path / "log.jsonl").open("a") as file:
            file.write(json.dumps({"step": step, **record}) + "\n")
        if self._writer is None:
            self._writer = SummaryWriter(str(self.path / "tensorboard"), purge_step=step)
        for key, value in _numbers(record):
            self._writer.add_scalar(key, value, step)
        self._writer.flush()

    def append(self, name: str, records: Sequence[dict[str, Any]]) -> None:
        """Add lines, each with its "step", to one of the `journals`."""
        assert name in self._journals
        with (self.path / name).open("a") as file:
            file.writelines(json.dumps(record) + "\n" for record in records)

    def close(self) -> None:
        """Let another process open the folder."""
        if self._writer is not None:
            self._writer.close()
        self._lock.close()

    def __enter__(self) -> "RunFolder":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def records(self) -> list[dict[str, Any]]:
        """All lines of the log."""
        return read_log(self.path / "log.jsonl")

    def _cut_log(self, step: int) -> None:
        for log in (self.path / name for name in self._journals):
            kept = [line for line in read_log(log) if line["step"] <= step]
            write_bytes(log, "".join(json.dumps(line) + "\n" for line in kept).encode())

    def _must_match(self, config: Struct, may_differ: Collection[str]) -> None:
        begun = begun_config(self.path, type(config))
        if begun is None:
            return
        old, new = msgspec.to_builtins(begun), msgspec.to_builtins(config)
        for key in new:
            if old[key] != new[key] and key not in may_differ:
                raise ValueError(
                    f"{self.path} holds a run with {key} = {old[key]}, not {new[key]}: "
                    f"name another folder, or delete this one to start over"
                )


def keep_same(file: Path, now: Struct, what: str) -> None:
    """Write what a run was begun with; ValueError where its folder holds something else.

    `what` names it to people.
    """
    if not file.exists():
        write_json(file, now)
    elif read_json(file, type(now)) != now:
        raise ValueError(
            f"{what} has changed since the run in {file.parent} was begun: undo the change "
            f"({file} says what it was), or name another folder"
        )


def begun_config(path: str | Path, kind: type[Config]) -> Config | None:
    """The config of the run that `path` holds, or None where it holds none."""
    file = Path(path) / "config.json"
    return read_json(file, kind) if file.exists() else None


def _remove_run(path: Path) -> None:
    for file in path.iterdir():
        if file.is_dir() and file.name == "tensorboard":
            shutil.rmtree(file)
        elif file.suffix == ".pt" or file.name in LEFT:
            file.unlink()


def _lock(path: Path) -> IO[str]:
    """Hold `path` for this process until it ends, however it ends."""
    path.mkdir(parents=True, exist_ok=True)
    file = (path / ".lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise ValueError(f"another process is at work in {path}: wait for it or stop it") from None
    return file


def _numbers(record: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    for key, value in record.items():
        if isinstance(value, dict):
            yield from _numbers(value, f"{prefix}{key}/")
        elif isinstance(value, int | float):
            yield prefix + key, value


def read_log(path: str | Path) -> list[dict[str, Any]]:
    """Lines of a JSON-lines file; a last line torn by a crash is left out."""
    if not Path(path).exists():
        return []
    lines = Path(path).read_text().splitlines()
    records: list[dict[str, Any]] = []
    for index, line in enumerate(lines):
        try:
            records.append(json.loads(line))
        except json.JSONDecodeError:
            if index + 1 < len(lines):
                raise ValueError(f"{path}, line {index + 1} is not JSON: delete the run") from None
    return records
