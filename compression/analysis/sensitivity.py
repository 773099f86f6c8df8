"""`python -m compression sensitivity`: what the elements of each weight are worth in accuracy."""

from pathlib import Path
from typing import Annotated

from torch import nn

from compression.analysis.subject import ImagesConfig, images_of, opened
from compression.selectors import Where
from compression.sensitivity import SHARES, analyse_elements
from compression.sensitivity.found import JSON
from compression.sensitivity.page import write_shown
from proxyless_nas.command import short
from training.device import DeviceName, pick_device
from training.evaluate import Evaluation, evaluate


class SensitivityConfig(ImagesConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Try each weight alone without its smallest elements, share by share; continues if stopped."""

    out: Annotated[str, short("o")]
    """Folder for sensitivity.json, .csv and .html; what it knows already is not tried again."""
    shares: tuple[float, ...] = SHARES
    """Shares of a weight's elements that go, 0 to 1."""
    type: tuple[str, ...] = ()
    """Weights of layers of these classes; default: all whose weights have two axes or more."""
    name: tuple[str, ...] = ()
    """Weights of layers of these names; they may have wildcards."""
    exclude: tuple[str, ...] = ()
    """Leave out layers of these names."""
    device: DeviceName = "auto"
    """Where the network runs; auto is a GPU where there is one."""


def try_elements(config: SensitivityConfig) -> None:
    """Write the three files, and say where they are."""
    found, device, folder = opened(config), pick_device(config.device), Path(config.out)
    kinds = config.type or (() if config.name else with_matrices(found.network))
    where = Where(type=kinds, name=config.name, exclude=config.exclude)
    where.tensors(found.network)  # what does not fit is told before images are read
    images = images_of(config, found.subject)
    batches = list(images.test_batches(config.batch_size, device))

    def judge(network: nn.Module) -> Evaluation:
        return evaluate(network, batches)

    looked_at = f"{images.name} {len(images.test)} of {config.held_out}, seed {config.seed}, "
    looked_at += f"{config.normalise} {config.interpolation} {config.centre} {found.subject.input}"
    network = found.network.to(device)
    file = folder / JSON
    tried = analyse_elements(network, where, judge, file, looked_at, config.shares)
    print(f"{found.name}: {len(tried.tried)} networks tried; {write_shown(tried, folder)}")


def with_matrices(network: nn.Module) -> tuple[str, ...]:
    """The classes of layers that have weights with two axes or more."""
    return tuple(
        dict.fromkeys(
            type(part).__name__
            for part in network.modules()
            if any(one.ndim > 1 for one in part.parameters(recurse=False))
        )
    )
