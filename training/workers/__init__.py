"""The processes that train together: found by how they were started, with one face for the loop."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from training.workers.alone import Alone
from training.workers.base import Link, Workers
from training.workers.place import EngineName, detected, place

__all__ = ["Alone", "EngineName", "Link", "Workers", "first_speaks", "join_workers"]

PATIENCE_SECONDS = 5.0
"""By then a launcher has ended the others."""


def join_workers(engine: EngineName, cuda: bool) -> Workers:
    """Join the others; `auto` is what the launcher suggests, alone where there was none.

    Call it once, before anything else that takes long. ValueError when the engine cannot work
    here: it says what to start or to build.
    """
    match detected(os.environ) if engine == "auto" else engine:
        case "horovod":
            place(os.environ)  # MPI would end a process that nobody started
            from training.workers.horovod import Horovod

            return Horovod(cuda)
        case "torch":
            from training.workers.torch_distributed import TorchDistributed

            return TorchDistributed(place(os.environ), cuda)
        case "none":
            return Alone()


@contextmanager
def first_speaks() -> Iterator[None]:
    """A mistake that every worker finds is told once: by the first one.

    The others wait before they tell of theirs; where all found the same, their launcher has ended
    them by then.
    """
    try:
        yield
    except (ValueError, LookupError, OSError):
        if detected(os.environ) != "none" and place(os.environ).rank > 0:
            time.sleep(PATIENCE_SECONDS)
        raise
