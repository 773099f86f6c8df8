"""Every example of a recipe can be read, and fits the network that it names."""

from itertools import pairwise
from pathlib import Path

import pytest
import torch

from compression.channels.cut import noise
from compression.recipe import read_recipe
from proxyless_nas.subject import open_subject
from tests.launch import ROOT
from tests.training.learning import short_plan

RECIPES = sorted((ROOT / "examples" / "compress").glob("*.yaml"))


@pytest.mark.slow
@pytest.mark.parametrize("file", RECIPES, ids=lambda file: file.stem)
def test_it_fits_its_network(file: Path, tmp_path: Path) -> None:
    (line,) = [line for line in file.read_text().splitlines() if "python main.py" in line]
    words = line.removeprefix("#").split()
    said = dict(pairwise(words))
    assert said["--compress"] == str(file.relative_to(ROOT))
    subject = open_subject(said["--arch"])
    network = subject.build(seed=0)
    names = set(network.state_dict())
    recipe = read_recipe(file, tmp_path)
    per_epoch, epochs = 10, int(said["--epochs"])
    x = noise(subject.input, network)
    companion = recipe.accompany(
        network,
        subject.input,
        short_plan(per_epoch, per_epoch * epochs),
        lambda count: [(x, torch.zeros(len(x), dtype=torch.long))],
    )
    companion.before(0)
    assert set(network.state_dict()) != names
    companion.plain(network)(x)
    ends = [step.when.end for step in recipe.steps if step.when.end is not None]
    assert max(ends, default=0) <= epochs


def test_there_are_some() -> None:
    assert RECIPES
