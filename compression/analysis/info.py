"""`python -m compression info`: what a network is, in numbers, without drawing a weight of it."""

import msgspec
import torch
import tyro
from msgspec import Struct

from compression.analysis.compute import Computed, computing_lines, computing_of
from proxyless_nas.counting import parameters_of
from proxyless_nas.layer import FLOAT_BYTES, Shape
from proxyless_nas.subject import open_subject


class InfoConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Print parameters and multiply-accumulates of a network, and of each of its layers."""

    arch: tyro.conf.Positional[str]
    """The network: a file (ours, the original's, YAML), a published name, one of torchvision's, or
    module:function, code of your own that makes one (with --resolution and --num-classes)."""
    num_classes: int | None = None
    """Classes that it tells apart; default: the network's."""
    resolution: int | None = None
    """Side of the input in pixels; default: the network's."""
    json: bool = False
    """Print JSON, with shares instead of percent."""


class Info(Struct, frozen=True):
    """A network and its layers; MACs are for one image."""

    network: str
    input: Shape
    classes: int
    parameters: int
    macs: int
    layers: tuple[Computed, ...]


def inform(config: InfoConfig) -> None:
    """Print it; errors as `open_subject`."""
    subject = open_subject(config.arch, config.resolution, config.num_classes)
    with torch.device("meta"):
        network = subject.build()
    work = computing_of(subject.name, network, subject.input)
    found = Info(
        subject.name, subject.input, subject.classes, parameters_of(network), work.macs, work.layers
    )
    if config.json:
        print(msgspec.json.format(msgspec.json.encode(found)).decode())
        return
    megabytes = FLOAT_BYTES * found.parameters / 1e6
    print(f"{found.network} at {found.input}, {found.classes} classes")
    print("\n".join(computing_lines(work)))
    print(f"parameters {found.parameters:,}, {megabytes:.3f} MB as float32; MACs {found.macs:,}")
