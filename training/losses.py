"""What a network is taught by: labels, smoothed labels, or a teacher."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SMOOTHING = 0.1


class LabelLoss:
    """Cross-entropy with labels int64 [B], or with probabilities [B, K] of mixed images.

    With `smoothing` e the target is (1 - e) * label + e / K (Szegedy et al. 2016).
    """

    def __init__(self, smoothing: float = 0.0) -> None:
        self.smoothing = smoothing

    def __call__(self, logits: Tensor, x: Tensor, target: Tensor) -> Tensor:
        """The mean over the batch of logits [B, K] that were computed from images `x`."""
        return F.cross_entropy(logits, target, label_smoothing=self.smoothing)


class Teacher:
    """T^2 * KL(teacher || student), both softened by the temperature T (Hinton et al. 2015).

    T^2 keeps the size of the gradients when T changes. The teacher sees the student's images, in
    eval mode, and does not learn.
    """

    def __init__(self, network: nn.Module, temperature: float) -> None:
        self.network = network.eval().requires_grad_(False)
        self.temperature = temperature

    def __call__(self, logits: Tensor, x: Tensor) -> Tensor:
        """How far logits [B, K] that were computed from images `x` are from the teacher's."""
        with torch.no_grad():
            wish = F.log_softmax(self.network(x).float() / self.temperature, dim=1)
        said = F.log_softmax(logits.float() / self.temperature, dim=1)
        apart = F.kl_div(said, wish, reduction="batchmean", log_target=True)
        return self.temperature**2 * apart


class TeacherLoss:
    """(1 - w) * label loss + w * teacher's loss."""

    def __init__(self, labels: LabelLoss, teacher: Teacher, weight: float) -> None:
        self.labels = labels
        self.teacher = teacher
        self.weight = weight

    def __call__(self, logits: Tensor, x: Tensor, target: Tensor) -> Tensor:
        """As `LabelLoss`."""
        hard = self.labels(logits, x, target)
        return (1 - self.weight) * hard + self.weight * self.teacher(logits, x)


AnyLoss = LabelLoss | TeacherLoss
