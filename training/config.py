"""Everything a training run can be told."""

from msgspec import Struct

from training.datasets import DatasetName


class TrainConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Train one network from scratch; a folder that holds an interrupted run continues it."""

    arch: str
    """Description of the network: a spec.json."""
    out: str
    """Run folder for config, log, checkpoints, weights.pt and result.json."""
    dataset: DatasetName = "fashion"
    """Which data."""
    path: str | None = None
    """Folder of the data; without it the known places are tried."""
    resolution: int | None = None
    """Side of the input images of a folder dataset; default: the description's."""
    limit: int | None = None
    """Use only so many training and so many test images."""
    held_out: int | None = None
    """Score on so many training images, kept from training, instead of the test set: for tuning."""
    epochs: int = 6
    """Passes over the training images."""
    batch_size: int = 128
    """Images per step."""
    base_lr: float = 0.5
    """Peak learning rate for 64 images per step; scaled with the batch size."""
    warmup_epochs: float = 1.0
    """Epochs over which the learning rate rises from zero."""
    momentum: float = 0.9
    """Nesterov momentum."""
    wd: float = 1e-4
    """Weight decay."""
    no_wd_bn: bool = False
    """Exempt batch norms and biases from weight decay."""
    label_smoothing: bool = False
    """Train on labels smoothed by 0.1."""
    shift: int = 0
    """Random shifts of up to so many pixels."""
    seed: int = 42
    """Seed of weights, order and augmentation."""
    threads: int | None = None
    """CPU threads; default: all cores."""
    checkpoint_seconds: float = 20.0
    """A killed run loses at most so much work."""
