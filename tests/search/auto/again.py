"""Do what a recipe that was found says of itself."""

import shlex
from pathlib import Path

import torch

from tests.commands.helpers import run_here, well


def made_again(run: Path, out: Path) -> str:
    """What the recipe's own first line says when it is typed, with `out` for OUT."""
    line = (run / "recipe.yaml").read_text().splitlines()[0]
    python, program, *flags = shlex.split(line.removeprefix("# "))
    assert (python, program) == ("python", "main.py")
    said = well(run_here(program, *(out if word == "OUT" else word for word in flags)))
    again, found = (torch.load(folder / "weights.pt") for folder in (out, run))
    torch.testing.assert_close(again, found, rtol=0, atol=0)
    return said
