"""What no description fits can still be run, by a process that has none of our code."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from compression.apply import write_what_is_left
from compression.program import PROGRAM, write_program
from proxyless_nas import hand_made, load_spec
from proxyless_nas.layer import Shape
from proxyless_nas.subject import open_subject

pytestmark = pytest.mark.slow
LOAD = """
import sys, torch
network = torch.export.load(sys.argv[1]).module()
torch.save(network(torch.load(sys.argv[2])), sys.argv[3])
assert not {"compression", "proxyless_nas"} & set(sys.modules)
"""


def test_another_process_gets_the_same_answers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hand_made("smoke").save(str(tmp_path / "arch.json"))
    subject = open_subject(str(tmp_path / "arch.json"))
    network = subject.build(seed=0)
    write_what_is_left(subject, network, tmp_path)
    assert load_spec(str(tmp_path / "spec.json")) == subject.spec
    assert not (tmp_path / PROGRAM).exists()
    network.register_parameter("extra", nn.Parameter(torch.zeros(3)))
    write_what_is_left(subject, network, tmp_path)
    assert "no description fits" in capsys.readouterr().out
    shape = subject.input
    x = torch.randn(5, shape.channels, shape.height, shape.width)
    torch.save(x, tmp_path / "x.pt")
    files = [tmp_path / name for name in (PROGRAM, "x.pt", "y.pt")]
    subprocess.run([sys.executable, "-c", LOAD, *files], cwd=tmp_path, check=True)
    torch.testing.assert_close(torch.load(tmp_path / "y.pt"), network.eval()(x).detach())


def test_a_network_in_yaml_is_written_for_any_number_of_images(tmp_path: Path) -> None:
    subject = open_subject("models/lenet5.yaml")
    network = subject.build(seed=0).eval()
    write_program(network, subject.input, tmp_path / PROGRAM)
    again = torch.export.load(tmp_path / PROGRAM).module()
    for count in (1, 3):
        x = torch.randn(count, 1, 28, 28, generator=torch.Generator().manual_seed(0))
        torch.testing.assert_close(again(x), network(x).detach())


class Deciding(nn.Module):
    """What it does depends on its data."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(2, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(x) if float(x.sum()) > 0 else x


def test_what_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Deciding cannot be exported"):
        write_program(Deciding(), Shape(1, 2, 2), tmp_path / PROGRAM)
    assert not list(tmp_path.iterdir())
