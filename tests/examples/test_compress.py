"""Every example of a recipe can be read, and fits the network that it names."""

from itertools import pairwise
from pathlib import Path

import pytest

from compression.recipe import read_recipe
from proxyless_nas.subject import open_subject
from tests.launch import ROOT

RECIPES = sorted((ROOT / "examples" / "compress").glob("*.yaml"))


@pytest.mark.parametrize("file", RECIPES, ids=lambda file: file.stem)
def test_it_fits_its_network(file: Path, tmp_path: Path) -> None:
    (line,) = [line for line in file.read_text().splitlines() if "python main.py" in line]
    words = line.removeprefix("#").split()
    said = dict(pairwise(words))
    assert said["--compress"] == str(file.relative_to(ROOT))
    network = open_subject(said["--arch"]).build(seed=0)
    recipe = read_recipe(file, tmp_path)
    per_epoch, epochs = 10, int(said["--epochs"])
    companion = recipe.accompany(network, per_epoch, per_epoch * epochs)
    companion.before(0)
    names = network.state_dict().keys()
    assert companion.plain(network).state_dict().keys() != names
    assert all(step.when.last(per_epoch, 10**9) <= per_epoch * epochs for step in recipe.steps)


def test_there_are_some() -> None:
    assert RECIPES
