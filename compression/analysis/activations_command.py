"""`python -m compression activations`: what layers answer, over some training images."""

from compression.analysis.activations import (
    Layered,
    activation_lines,
    activations_of,
    looked_at,
    without_channels,
)
from compression.analysis.subject import ImagesConfig, images_of, opened
from compression.analysis.tables import tell
from compression.selectors import Where
from proxyless_nas.progress import progress_bar
from training.device import DeviceName, pick_device


class ActivationsConfig(ImagesConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Print mean, deviation, range and share of zeros of what each layer answers."""

    type: tuple[str, ...] = ()
    """Look at layers of these classes; default: convolutions, linear maps, norms, activations."""
    name: tuple[str, ...] = ()
    """Look at layers of these names; they may have wildcards."""
    exclude: tuple[str, ...] = ()
    """Leave out layers of these names."""
    device: DeviceName = "auto"
    """Where the network runs; auto is a GPU where there is one."""
    json: bool = False
    """Print JSON, with every channel by itself, and shares instead of percent."""
    csv: str | None = None
    """Write a CSV file too, one line per row of the table."""


def look(config: ActivationsConfig) -> None:
    """Print the table."""
    found, device = opened(config), pick_device(config.device)
    where = Where(type=config.type, name=config.name, exclude=config.exclude)
    layers = looked_at(found.network, where)
    images = images_of(config, found.subject)
    network = found.network.to(device)
    steps = -(-len(images.test) // config.batch_size)
    batches = images.test_batches(config.batch_size, device)
    bar = progress_bar(batches, "activations", steps, unit="batch", leave=False)
    seen = activations_of(found.name, network, layers, bar)
    lines = [f"{found.name}, {seen.images:,} training images of {images.name}"]
    rows = without_channels(seen)
    tell([*lines, *activation_lines(seen)], seen, Layered, rows, config.json, config.csv)
