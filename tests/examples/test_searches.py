"""The paper's searches are configs of `python -m search`, and their steps can be taken."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from proxyless_nas import named_space
from proxyless_nas.files import read_json
from search.config import ProxylessConfig
from search.prepare import evaluator_of, strategy_of
from search.prices import Prices
from search.problems import Architecture
from tests.launch import ROOT
from training.workers import Alone

SEARCHES = sorted((ROOT / "examples" / "searches").glob("*.json"))


@pytest.mark.slow
@pytest.mark.parametrize("file", SEARCHES, ids=lambda file: file.stem)
def test_a_search_of_the_paper_can_take_its_steps(file: Path) -> None:
    config = read_json(file, ProxylessConfig)
    assert json.loads(file.read_text())["out"] == config.out
    problem = Architecture(named_space(config.space))
    prices = Prices(30.0, [np.linspace(2.0, 3.0, count) for count in problem.counts], "ms")
    strategy = strategy_of(config, prices)
    evaluator = evaluator_of(problem, config, torch.device("cpu"), Alone())
    shape = problem.space.input
    batch = (torch.randn(2, shape.channels, shape.height, shape.width), torch.tensor([1, 2]))
    loss = evaluator.learn(0, strategy.sample(), batch)
    asked = strategy.ask()
    evidence = [evaluator.evaluate(choices, batch) for choices in asked]
    strategy.tell(asked, evidence)
    assert strategy.best().options != problem.space.first
    slopes = evidence[0].slopes
    assert loss.isfinite() and slopes is not None
    assert len(slopes) == len(problem.counts) and slopes.isfinite().all()


def test_there_are_searches() -> None:
    assert len(SEARCHES) == 2
