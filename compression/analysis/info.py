"""`python -m compression info`: what a network is, in numbers, without drawing a weight of it."""

import msgspec
import torch
import tyro
from msgspec import Struct
from torch import nn

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
    if config.json:
        work, parameters = (
            computing_of(subject.name, network, subject.input),
            parameters_of(network),
        )
        found = Info(
            subject.name, subject.input, subject.classes, parameters, work.macs, work.layers
        )
        print(msgspec.json.format(msgspec.json.encode(found)).decode())
        return
    print(told(subject.name, network, subject.input, subject.classes))


def told(name: str, network: nn.Module, shape: Shape, classes: int) -> str:
    """A table of the layers of a network, between what it is and what it costs."""
    work, parameters = computing_of(name, network, shape), parameters_of(network)
    megabytes = FLOAT_BYTES * parameters / 1e6
    first = f"{name} at {shape}, {classes} classes"
    last = f"parameters {parameters:,}, {megabytes:.3f} MB as float32; MACs {work.macs:,}"
    return "\n".join([first, *computing_lines(work), last])
