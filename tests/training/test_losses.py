"""What labels, smoothing and teachers ask of a network."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from training.losses import LabelLoss, Teacher, TeacherLoss

CLASSES = 7


def answers(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    chance = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(5, CLASSES, generator=chance)
    return logits.requires_grad_(), torch.randint(0, CLASSES, (5,), generator=chance)


class Fixed(nn.Module):
    """A teacher that answers the same whatever it sees, and learns if it can."""

    def __init__(self, logits: torch.Tensor) -> None:
        super().__init__()
        self.logits = nn.Parameter(logits.detach().clone())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.logits


def test_smoothing_is_the_originals_soft_target() -> None:
    logits, labels = answers()
    target = 0.9 * F.one_hot(labels, CLASSES) + 0.1 / CLASSES
    expected = -(target * F.log_softmax(logits, 1)).sum(1).mean()
    torch.testing.assert_close(LabelLoss(0.1)(logits, logits, labels), expected)
    probabilities = F.one_hot(labels, CLASSES).float()
    torch.testing.assert_close(LabelLoss(0.1)(logits, logits, probabilities), expected)


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_a_student_that_answers_as_its_teacher_has_nothing_to_learn(temperature: float) -> None:
    logits, labels = answers()
    loss = TeacherLoss(LabelLoss(), Teacher(Fixed(logits), temperature), 1.0)(
        logits, logits, labels
    )
    assert loss.item() == pytest.approx(0.0, abs=1e-6)
    (slope,) = torch.autograd.grad(loss, [logits])
    torch.testing.assert_close(slope, torch.zeros_like(slope), atol=1e-6, rtol=0)


def test_a_teacher_of_no_weight_is_not_heard() -> None:
    logits, labels = answers()
    teacher = Fixed(answers(seed=1)[0])
    heard = TeacherLoss(LabelLoss(0.1), Teacher(teacher, 4.0), 0.0)(logits, logits, labels)
    torch.testing.assert_close(heard, LabelLoss(0.1)(logits, logits, labels))


def test_the_slope_is_the_papers_and_the_teacher_does_not_learn() -> None:
    """Hinton et al. 2015, eq. 2: dC/dz = (softmax(z/T) - softmax(v/T)) / T, here times T^2 / B."""
    logits, labels = answers()
    teacher, temperature = Fixed(answers(seed=1)[0]), 5.0
    loss = TeacherLoss(LabelLoss(), Teacher(teacher, temperature), 1.0)(logits, logits, labels)
    loss.backward()
    apart = F.softmax(logits / temperature, 1) - F.softmax(teacher.logits / temperature, 1)
    torch.testing.assert_close(logits.grad, apart.detach() * temperature / len(labels))
    assert teacher.logits.grad is None and not teacher.training
