"""Spare the garbage collector what is imported once and stays."""

import gc
from collections.abc import Generator

import pytest

RARELY = 10_000
"""New objects between two collections: networks are many small objects, and few of them cycles."""


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """A million objects of torch and of the tests would be walked again and again."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(RARELY)
        gc.enable()
