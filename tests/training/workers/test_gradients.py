"""Two workers with batch B learn what one with batch 2B learns, whoever carries gradients."""

import pytest
import torch

from proxyless_nas.weights import load_tensors
from tests.launch import LAUNCHERS, launch
from tests.training.learning import learner
from tests.training.workers.steps import WAYS, record
from training.workers import Alone

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=LAUNCHERS)
def two_workers(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, list[dict[str, torch.Tensor]]]:
    """What both workers of a launcher record, by the way in which they learned."""
    folder = tmp_path_factory.mktemp("workers")
    done = launch(request.param, 2, "-m", "tests.training.workers.steps", folder)
    assert done.returncode == 0, done.stderr
    return {
        way: [load_tensors(folder / way / f"rank{rank}.pt") for rank in range(2)] for way in WAYS
    }


def one_worker() -> dict[str, torch.Tensor]:
    return record(learner(), Alone(), passes=1)


@pytest.mark.parametrize("passes", ["1", "2"])
def test_gradients_losses_and_weights_are_those_of_one_worker(passes: str, two_workers) -> None:
    expected = one_worker()
    first, second = two_workers[passes]
    assert first.keys() == second.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(first[name], value)
        assert torch.equal(first[name], second[name]), name


def test_half_precision_messages_change_gradients_by_their_rounding_only(two_workers) -> None:
    expected = one_worker()
    first, second = two_workers["half"]
    names = [name for name in expected if name.startswith("gradient.0.")]
    apart = [float((first[name] - expected[name]).abs().max()) for name in names]
    sizes = [float(expected[name].abs().max()) for name in names]
    assert max(apart) > 0  # they were rounded
    assert all(a <= 2**-10 * size for a, size in zip(apart, sizes, strict=True))
    assert all(torch.equal(first[name], second[name]) for name in first)
