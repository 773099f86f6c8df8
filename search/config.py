"""Everything a search can be told."""

from msgspec import Struct

from search.objective import CostLoss
from training.datasets import DatasetName


class ProxylessConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Search a space by gate gradients for a latency target (ProxylessNAS-G)."""

    space: str
    """Name of the space: fashion, smoke, imagenet-mobile."""
    table: str
    """Latency table of the target device, from `python -m latency_tables measure`."""
    target_ms: float
    """Latency that the network must meet, in milliseconds."""
    out: str
    """Run folder; one that holds an interrupted search continues it."""
    dataset: DatasetName = "fashion"
    """Which data; the test set is never read."""
    path: str | None = None
    """Folder of the data; without it the known places are tried."""
    limit: int | None = None
    """Use only so many training images."""
    allow_contended: bool = False
    """Take a table even though it was measured on a busy machine."""
    held_out: int = 5000
    """Training images kept from the weights: they train the architecture and validate."""
    epochs: float = 4.0
    """Passes over the training images, warm-up included."""
    warmup_epochs: float = 1.5
    """Epochs in which only weights learn, on uniformly sampled paths."""
    batch_size: int = 128
    """Images per step."""
    base_lr: float = 0.15
    """Peak learning rate of the weights for 64 images per step."""
    momentum: float = 0.9
    """Nesterov momentum of the weights."""
    wd: float = 1e-4
    """Weight decay of the weights."""
    arch_lr: float = 0.05
    """Adam's learning rate of the logits."""
    arch_every: int = 2
    """Weight steps per architecture step."""
    cost_loss: CostLoss = "add"
    """How latency joins the loss: CE + w (E - T) / T, or CE (ln E / ln T)^w."""
    cost_weight: float = 0.1
    """w at the start; it adapts until the expected latency is the target."""
    tolerance: float = 0.02
    """The derived network is predicted at most so much below the target, never above it."""
    seed: int = 42
    """Seed of weights, order, sampled paths."""
    threads: int | None = None
    """CPU threads; default: all cores."""
    checkpoint_seconds: float = 20.0
    """A killed search loses at most so much work."""
