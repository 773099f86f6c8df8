"""Everything the main road can be told."""

from msgspec import Struct

from training.datasets import DatasetName


class RoadConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Measure this machine, search a network for it, train it, compare it, and tell the story.

    The same command continues a run that was stopped.
    """

    out: str
    """Folder of the run."""
    space: str = "fashion"
    """Name of the space: fashion, smoke."""
    dataset: DatasetName = "fashion"
    """Which data."""
    path: str | None = None
    """Folder of the data; without it the known places are tried."""
    target_ms: float | None = None
    """Latency to meet; default: `target_ratio` of the hand-made network's predicted latency."""
    target_ratio: float = 0.6
    """Share of the hand-made network's latency to aim at, where no target is given."""
    search_epochs: float = 4.0
    """Passes over the training images in the search."""
    warmup_epochs: float = 1.5
    """Those of them in which only weights learn."""
    held_out: int = 5000
    """Training images kept from the search's weights."""
    epochs: int = 5
    """Passes over the training images for every network that is trained."""
    widths: tuple[float, ...] = (0.35, 0.5, 1.0)
    """Width multipliers of the hand-made networks."""
    randoms: int = 2
    """Random networks of the space, within 10 % of the target, trained like the others."""
    compress_to: float | None = 0.7
    """Share of its latency to which the searched network is compressed (`python -m compression
    auto`), and the widest hand-made one as fast as before and as after that; None: not at all."""
    compress_epochs: int = 2
    """Passes over the training images for what is left of a compressed network."""
    limit: int | None = None
    """Use only so many training and so many test images."""
    fit: int = 12
    """Networks on which the table is calibrated."""
    test: int = 30
    """Other networks on which it is judged."""
    spread_s: float = 15.0
    """Spread every measurement over at least so many seconds."""
    workers: int = 2
    """Networks trained side by side, one thread each."""
    seed: int = 42
    """Seed of everything."""
