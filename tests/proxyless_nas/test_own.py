"""Code of the user's own is a network like any other, and mistakes in its name are told."""

from pathlib import Path

import pytest
import torch
from torch import nn

from proxyless_nas import Shape
from proxyless_nas.subject import load_its_weights, load_network, open_subject
from proxyless_nas.weights import save_tensors

CODE = """
from torch import nn

def make():
    return nn.Sequential(nn.Conv2d(4, 6, 3), nn.Flatten(), nn.Linear(6 * 36, 5))

word, ready = "no network", make()
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "my_nets.py").write_text(CODE)
    (tmp_path / "needs_more.py").write_text("import no_such_package")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_it_is_built_seeded_and_takes_its_own_weights(here: Path) -> None:
    subject = open_subject("my_nets:make", side=8, classes=5)
    assert (subject.input, subject.classes, subject.spec) == (Shape(4, 8, 8), 5, None)
    one, other = subject.build(seed=3), subject.build(seed=3)
    x = torch.randn(2, 4, 8, 8)
    torch.testing.assert_close(one(x), other(x))
    save_tensors(here / "w.pt", one.state_dict())
    fresh = load_network("my_nets:make")
    load_its_weights(fresh, "my_nets:make", str(here / "w.pt"))
    torch.testing.assert_close(fresh(x), one(x))
    assert isinstance(load_network("my_nets:ready"), nn.Sequential)


@pytest.mark.parametrize(
    "source, message",
    [
        ("my_nets:made", "my_nets has no made .did you mean make"),
        ("my_nests:make", "no module my_nests here"),
        ("needs_more:make", "needs_more needs no_such_package"),
        ("my_nets:word", "gives a str, not a torch module"),
    ],
)
def test_what_is_not_there_is_told(here: Path, source: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        open_subject(source, side=8, classes=5)


def test_what_code_cannot_tell_must_be_said(here: Path) -> None:
    for given, flag in (({"classes": 5}, "--resolution"), ({"side": 8}, "--num-classes")):
        with pytest.raises(ValueError, match=flag):
            open_subject("my_nets:make", **given)
    with pytest.raises(ValueError, match="--dropout"):
        open_subject("my_nets:make", side=8, classes=5, dropout=0.1)
    with pytest.raises(ValueError, match="give a file of weights"):
        load_its_weights(load_network("my_nets:make"), "my_nets:make")
