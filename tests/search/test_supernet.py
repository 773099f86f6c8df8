"""Laws of the supernet: a path is a network, and a weight step touches nothing else."""

from pathlib import Path

import pytest
import torch
from msgspec.structs import replace

from proxyless_nas import Space, drop_paths
from search.choices import Choices
from search.evaluators import SharedWeights
from search.prepare import evaluator_of
from search.problems import Architecture
from search.strategies import TwoPaths
from search.supernet import Supernet
from tests.search.helpers import SPACE, TREES, WIDE, make_batch, make_prices, make_supernet
from tests.search.running import tiny
from training.optimizer import sgd
from training.workers import Alone

SPACES = pytest.mark.parametrize("space", [SPACE, TREES, WIDE], ids=["mobile", "trees", "wide"])


def sampler(space: Space = SPACE, seed: int = 7) -> TwoPaths:
    return TwoPaths(make_prices(space), None, 0.1, seed)


@SPACES
def test_the_path_through_the_supernet_is_the_extracted_network(space: Space) -> None:
    supernet, (x, _) = make_supernet(space).eval(), make_batch(space)
    strategy = sampler(space)
    for _ in range(3):
        options = strategy.sample().options
        torch.testing.assert_close(supernet(x, options), supernet.extract(options).eval()(x))


@SPACES
def test_the_supernet_has_the_weights_that_the_space_counts(space: Space) -> None:
    supernet = Supernet(space)
    assert sum(p.numel() for p in supernet.parameters()) == space.parameters
    assert list(supernet.decisions) == [name for name, _ in space.decisions]


@SPACES
def test_a_weight_step_leaves_everything_off_the_path_bit_identical(space: Space) -> None:
    supernet, batch, strategy = make_supernet(space), make_batch(space), sampler(space)
    optimizer = sgd(supernet, 0.1, 0.9, 1e-2)
    evaluator = SharedWeights(supernet, optimizer)
    for step in range(3):
        evaluator.learn(step, strategy.sample(), batch)
    before = {key: value.clone() for key, value in supernet.state_dict().items()}
    momentum = {
        name: optimizer.state[p]["momentum_buffer"].clone()
        for name, p in supernet.named_parameters()
        if p in optimizer.state
    }
    path = strategy.sample()
    evaluator.learn(3, path, batch)
    on = [
        f"{name}.candidates.{option}."
        for name, option in zip(supernet.decisions, path.options, strict=True)
    ]

    def off_path(key: str) -> bool:
        return ".candidates." in key and not key.startswith(tuple(on))

    moved = 0
    for key, value in supernet.state_dict().items():
        if off_path(key):
            assert torch.equal(value, before[key]), key
        else:
            moved += int(not torch.equal(value, before[key]))
    assert moved > 0
    for name, p in supernet.named_parameters():
        if off_path(name) and name in momentum:
            assert torch.equal(optimizer.state[p]["momentum_buffer"], momentum[name])
        elif off_path(name):
            assert p not in optimizer.state
        assert p.grad is None


def test_a_weight_step_is_that_of_the_network_alone() -> None:
    supernet, batch = make_supernet(), make_batch()
    options = sampler().sample().options
    network = supernet.extract(options).train()
    optimizer = sgd(network, 0.1, 0.9, 1e-2)
    evaluator = SharedWeights(supernet, sgd(supernet, 0.1, 0.9, 1e-2))
    for step in range(3):
        evaluator.learn(step, Choices(options), batch)
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(network(batch[0]), batch[1]).backward()
        optimizer.step()
    for key, value in supernet.extract(options).state_dict().items():
        torch.testing.assert_close(value, network.state_dict()[key])


def test_paths_are_dropped_while_weights_learn_and_not_when_networks_are_judged() -> None:
    supernet, batch = make_supernet(TREES), make_batch(TREES)
    plain = SharedWeights(supernet, sgd(supernet, 0.0, 0.0, 0.0))
    choices = sampler(TREES).ask()[0]
    judged, learned = plain.evaluate(choices, batch), plain.learn(0, choices, batch)
    drop_paths(supernet, path=0.5)
    dropped = plain.learn(0, choices, batch)
    assert not torch.equal(dropped, learned)
    assert torch.equal(plain.learn(0, choices, batch), dropped)  # chance is a function of the step
    assert torch.equal(plain.evaluate(choices, batch).loss, judged.loss)


def test_what_is_touched_is_found_after_the_supernet_has_moved() -> None:
    supernet = make_supernet().double()
    for candidates in ((0, 1, 2, 3), (3, 0, 1, 2)):
        held = {id(buffer) for buffer in supernet.buffers()}
        held |= {id(parameter) for parameter in supernet.parameters()}
        touched = supernet.touched(candidates)
        assert all(id(tensor) in held for tensor in (*touched.parameters, *touched.statistics))
        assert all(tensor.dtype == torch.float64 for tensor in touched.statistics)


@pytest.mark.parametrize("zero", [True, False])
def test_a_new_supernet_is_as_its_paths_of_skips_where_residuals_begin_as_nothing(
    zero: bool, tmp_path: Path
) -> None:
    config = replace(tiny("two paths", tmp_path), zero_last_gamma=zero)
    supernet = evaluator_of(Architecture(SPACE), config, torch.device("cpu"), Alone()).supernet
    x, _ = make_batch()
    labels = [[type(block).__name__ for block in edge.examples()] for edge in SPACE.edges]
    searched = [labels[index] for index in SPACE.searched]
    skips = [names.index("Skip") if "Skip" in names else 0 for names in searched]
    others = [1 if "Skip" in names else 0 for names in searched]
    assert skips != others
    assert torch.equal(supernet(x, skips), supernet(x, others)) == zero
    firsts = [
        1 if "Skip" not in names else skip for names, skip in zip(searched, skips, strict=True)
    ]
    assert not torch.equal(supernet(x, skips), supernet(x, firsts))  # without a residual
