"""Run a command of an analysis as its command line would, in this process."""

import contextlib
import io
import xml.etree.ElementTree as xml
from pathlib import Path

import numpy as np
import pytest

from compression.analysis.activations_command import ActivationsConfig, look
from compression.analysis.draw import DrawConfig, draw
from compression.analysis.sensitivity import SensitivityConfig, try_elements
from compression.analysis.summary import SummaryConfig, summarise
from proxyless_nas.command import Command, run_many

COMMANDS = {
    "summary": Command(SummaryConfig, summarise),
    "activations": Command(ActivationsConfig, look),
    "sensitivity": Command(SensitivityConfig, try_elements),
    "draw": Command(DrawConfig, draw),
}
SVG = "{http://www.w3.org/2000/svg}"


def run(*words: object) -> str:
    """What a command prints; the test fails where it refuses."""
    code, printed, complaint = _run(*words)
    assert code == 0, complaint
    return printed


def refused(*words: object) -> str:
    """What a command says that refuses."""
    code, _, complaint = _run(*words)
    assert code == 2
    return complaint


def _run(*words: object) -> tuple[object, str, str]:
    printed, complaint = io.StringIO(), io.StringIO()
    with (
        contextlib.redirect_stdout(printed),
        contextlib.redirect_stderr(complaint),
        pytest.raises(SystemExit) as end,
    ):
        run_many("python -m compression", COMMANDS, list(map(str, words)))
    return end.value.code, printed.getvalue(), complaint.getvalue()


def parsed(page: str) -> xml.Element:
    """A page, which must be well-formed and load nothing."""
    assert not any(word in page for word in ("<script", "<link", "src=", "href=", "url("))
    return xml.fromstring(page.removeprefix("<!doctype html>"))


def small_cifar(file: Path, train: int = 40, test: int = 20) -> Path:
    """CIFAR-10 in an .npz: random training images, and test images that are all 255."""
    chance = np.random.default_rng(0)
    np.savez(
        file,
        x_train=chance.integers(0, 200, (train, 3, 32, 32), np.uint8),
        y_train=np.arange(train) % 10,
        x_test=np.full((test, 3, 32, 32), 255, np.uint8),
        y_test=np.arange(test) % 10,
    )
    return file
