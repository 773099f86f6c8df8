"""Every recipe is a config of main.py that names a network and leaves out what is usual."""

import json
from pathlib import Path

import pytest

from proxyless_nas.files import read_json
from proxyless_nas.subject import open_subject
from tests.launch import ROOT
from training.config import TrainConfig

RECIPES = sorted((ROOT / "examples" / "recipes").glob("*.json"))


@pytest.mark.parametrize("file", RECIPES, ids=lambda file: file.stem)
def test_it_says_only_what_differs_from_the_defaults(file: Path) -> None:
    config = read_json(file, TrainConfig)
    usual = TrainConfig(arch=config.arch)
    assert open_subject(config.arch).classes > 1
    for name in json.loads(file.read_text()):
        assert name == "arch" or getattr(config, name) != getattr(usual, name), name


def test_there_are_recipes() -> None:
    assert RECIPES
