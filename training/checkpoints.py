"""The last state of a run and the one before it, so that one damaged file loses nothing."""

import os
import sys
from pathlib import Path
from typing import Any

from proxyless_nas.weights import load_tensors, save_tensors


class Checkpoints:
    """last.pt and previous.pt in one folder; each is replaced in one step."""

    def __init__(self, folder: Path) -> None:
        self.last = folder / "last.pt"
        self.previous = folder / "previous.pt"
        self._step: int | None = None

    def save(self, step: int, state: dict[str, Any]) -> None:
        """Keep `state`; what was last becomes previous.

        OSError when it cannot be written, for want of space for example: what was kept stays.
        """
        try:
            if self.last.exists():
                spare = self.previous.with_suffix(".next")
                spare.unlink(missing_ok=True)
                os.link(self.last, spare)
                os.replace(spare, self.previous)
            save_tensors(self.last, {**state, "step": step})
        except OSError as error:
            stays = "" if self._step is None else f"; the checkpoint of step {self._step:,} is kept"
            raise OSError(
                f"cannot write {self.last} at step {step:,} ({error.strerror or error}){stays}: "
                f"make room and start the same command again"
            ) from error
        self._step = step

    def load(self) -> dict[str, Any] | None:
        """The newest state that can be read, or None where none was kept.

        A damaged last.pt is told of on stderr and removed, and the one before it is the answer.
        ValueError when that is damaged too.
        """
        damage: str | None = None
        for file in (self.last, self.previous):
            if not file.exists():
                continue
            try:
                state = load_tensors(file)
            except ValueError as error:
                if file is self.previous:
                    raise ValueError(
                        f"{damage or 'no last.pt'}, and {error}: start over in another "
                        "folder (main.py: or with --no-resume)"
                    ) from error
                damage = str(error)
                continue
            self._step = state["step"]
            if damage is not None:
                print(f"{damage}\ncontinuing from {file}, step {self._step:,}", file=sys.stderr)
                self.last.unlink()
            return state
        if damage is not None:
            raise ValueError(
                f"{damage}, and there is no {self.previous.name}: start over in another folder "
                "(main.py: or with --no-resume)"
            )
        return None
