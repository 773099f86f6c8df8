"""The teacher's loss beside PocketFlow's, a cross-entropy without the factor T^2."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from compression.recipe import Recipe
from compression.steps import TeachStep
from proxyless_nas.layer import Shape
from tests.training.learning import short_plan

T = 4.0
STUDENT, TEACHER = torch.tensor([[1.0, 2.0, 3.0]]), torch.tensor([[3.0, 1.0, 0.0]])


class Says(nn.Module):
    """The same logits to every image."""

    def __init__(self, logits: Tensor) -> None:
        super().__init__()
        self.logits = nn.Parameter(logits.clone())

    def forward(self, x: Tensor) -> Tensor:
        return self.logits.expand(len(x), -1)


def added(strength: float, logits: Tensor) -> Tensor:
    """What the step adds for one image, where the teacher says `TEACHER`."""
    network = Says(TEACHER)
    step = TeachStep(strength=strength, temperature=T)
    companion = Recipe((step,)).accompany(network, Shape(1, 1, 1), short_plan(2, 8))
    companion.before(0)
    loss = companion.penalty(torch.zeros(1, 1, 1, 1), logits, lambda logits: logits.sum())
    assert loss is not None
    return loss


def cross_entropy(logits: Tensor) -> Tensor:
    return F.cross_entropy(logits / T, (TEACHER / T).softmax(dim=1))


@pytest.mark.parametrize(
    "strength, factor, golden", [(1 / 16, 1, 1.182789), (0.25, 4, 4.731157), (1.0, 16, 18.924627)]
)
def test_a_strength_is_pocketflows_weight_over_the_square_of_its_temperature(
    strength: float, factor: int, golden: float
) -> None:
    """Cross-entropy is divergence plus the teacher's entropy, which has no slope."""
    student = STUDENT.clone().requires_grad_()
    loss, entropy = added(strength, student), float(cross_entropy(TEACHER))
    assert float(loss.detach()) + factor * entropy == pytest.approx(golden, abs=2e-5)
    slopes = [torch.autograd.grad(one, [student])[0]
              for one in (loss, factor * cross_entropy(student))]  # fmt: skip
    torch.testing.assert_close(slopes[0], slopes[1])
    assert factor * float(cross_entropy(STUDENT)) == pytest.approx(golden, abs=2e-5)
