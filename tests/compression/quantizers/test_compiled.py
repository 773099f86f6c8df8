"""Under torch.compile: one graph, the same answers and slopes, for kinds of every sort."""

from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn

from compression.quantizers.activations import (
    LearnedActivations,
    PactActivations,
    RangeActivations,
)
from compression.quantizers.place import Asked, quantize
from compression.quantizers.weights import (
    DorefaWeights,
    LearnedWeights,
    RangeWeights,
    TernaryWeights,
)

ASKED = [
    Asked(weights=DorefaWeights(bits=4)),
    Asked(weights=LearnedWeights(bits=4)),
    Asked(weights=RangeWeights(bits=4, symmetric=False, group=3)),
    Asked(weights=RangeWeights(bits=4, follows=True)),
    Asked(weights=TernaryWeights()),
    Asked(activations=RangeActivations(bits=4, follows=0.9)),
    Asked(activations=LearnedActivations(bits=4, offset=True)),
    Asked(activations=PactActivations(bits=4)),
]


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")  # torch's own
@pytest.mark.parametrize("asked", ASKED, ids=repr)
def test_a_compiled_network_is_one_graph_with_the_same_answers_and_slopes(asked: Asked) -> None:
    torch.manual_seed(0)
    x, y = torch.randn(4, 3, 8, 8), torch.zeros(4, dtype=torch.long)
    plain = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
    quantize(plain, {"0": asked}, [(x, y)])
    compiled = deepcopy(plain)
    compiled.compile(fullgraph=True, backend="aot_eager")
    for expected, found in zip(_learn(plain, x), _learn(compiled, x), strict=True):
        torch.testing.assert_close(found, expected)


def _learn(network: nn.Module, x: Tensor) -> list[Tensor]:
    """Answers, and the slopes of everything that learns, twice: the state may move between."""
    found: list[Tensor] = []
    for _ in range(2):
        network.zero_grad()
        answers = network.train()(x)
        answers.square().mean().backward()
        slopes = [one.grad for one in network.parameters() if one.grad is not None]
        assert slopes
        found += [answers.detach(), *(slope.clone() for slope in slopes)]
    return found
