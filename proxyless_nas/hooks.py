"""Hooks that are gone when what they watched is over."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from torch.utils.hooks import RemovableHandle


@contextmanager
def hooked(handles: Iterable[RemovableHandle]) -> Iterator[None]:
    """Take hooks away at the end of the block, however it ends."""
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
