"""What pruned networks cost: MACs, parameters, the call that makes them, latency; each once."""

import random
import re
import time
from functools import partial
from pathlib import Path

from msgspec import Struct
from torch import nn

from benchmarks.versus.methods import Method
from latency_tables.model import Model
from latency_tables.networks import Measured, measure_networks
from proxyless_nas import Shape, macs_of, parameters_of
from proxyless_nas.files import read_json, write_json

Networks = dict[str, nn.Module]
"""By the name of a method, what it made."""


class Size(Struct, frozen=True, forbid_unknown_fields=True):
    """A pruned network, and how long the calls took that made it, in seconds of the clock."""

    macs: int
    parameters: int
    seconds: tuple[float, ...]


def file_of(folder: Path, name: str) -> Path:
    """Where something about a method is kept."""
    return folder / (re.sub(r"[^a-z0-9]+", "-", name) + ".json")


def sizes_of(
    folder: Path,
    methods: list[Method],
    network: nn.Module,
    pruned: Networks,
    shape: Shape,
    rounds: int,
) -> dict[str, Size]:
    """By method; calls that were not timed yet are timed together, in shuffled rounds."""
    missing = [method for method in methods if not file_of(folder, method.name).exists()]
    times: dict[str, list[float]] = {method.name: [] for method in missing}
    chance = random.Random(0)
    for _ in range(rounds):
        for method in chance.sample(missing, len(missing)):
            begin = time.perf_counter()
            method.prune(network)
            times[method.name].append(time.perf_counter() - begin)
    for name, seconds in times.items():
        one = pruned[name]
        size = Size(macs_of(one, shape), parameters_of(one), tuple(seconds))
        write_json(file_of(folder, name), size)
    return {method.name: read_json(file_of(folder, method.name), Size) for method in methods}


def latencies_of(file: Path, pruned: Networks, shape: Shape, visits: int) -> dict[str, Measured]:
    """By method, all in one session of ONNX Runtime, one image; again where one is new."""
    known = read_json(file, dict[str, Measured]) if file.exists() else {}
    if not known.keys() >= pruned.keys():
        models = [Model(name, partial(_given, one), shape) for name, one in pruned.items()]
        known = dict(zip(pruned, measure_networks(models, visits=visits), strict=True))
        write_json(file, known)
    return known


def _given(network: nn.Module) -> nn.Module:
    return network
