"""NNCF's filter pruning, in a process of its own: it changes torch's functions when imported."""

import logging
import os
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import Any

from torch import nn

from benchmarks.versus.methods import Method
from compression.channels.cut import noise, removed
from compression.channels.groups import find_channels
from proxyless_nas.layer import Shape

Filters = dict[str, list[int]]
"""By the name of a convolution, the filters that go."""
CONVOLUTIONS_TOO = {"prune_first_conv": True, "prune_downsample_convs": True}
"""As in the example of its documentation; without them no stage of a ResNet may lose channels."""


def methods(shape: Shape, share: float) -> list[Method]:
    """Its rows, with the L2 norm of filters: its default, uniform, and all layers ranked together.

    Both share one process, which lives until this one ends.
    """
    process: list[ProcessPoolExecutor] = []

    def ask(network: nn.Module, everywhere: bool) -> Filters:
        if not process:
            process.append(ProcessPoolExecutor(1, get_context("spawn")))
        return process[0].submit(choose, network, shape, share, everywhere).result()

    return [
        Method("nncf uniform", partial(_cut, partial(ask, everywhere=False), shape)),
        Method("nncf all-weights", partial(_cut, partial(ask, everywhere=True), shape)),
    ]


def _cut(ask: Callable[[nn.Module], Filters], shape: Shape, network: nn.Module) -> nn.Module:
    """NNCF fills filters with zeros and leaves their removal to OpenVINO: here we remove them.

    ValueError where layers that must lose the same channels were to lose different ones.
    """
    filters, x = ask(network), noise(shape, network)
    channels = find_channels(network, x)
    for group in channels.groups:
        asked = {tuple(filters.get(maker, ())) for maker in group.makers}
        if len(asked) > 1:
            raise ValueError(f"NNCF takes different channels from {', '.join(group.makers)}")
    return removed(network, channels, filters, x)


def choose(network: nn.Module, shape: Shape, share: float, everywhere: bool) -> Filters:
    """What goes for `share` of the FLOPs to be left, at once; called in the other process."""
    os.environ["NNCF_TORCH_LEGACY_TRACING"] = "1"
    try:
        import nncf  # type: ignore[import-not-found]
        from nncf.torch import create_compressed_model  # type: ignore[import-not-found]
    except ImportError as error:
        raise ValueError(
            f"NNCF's filter pruning is not here ({error}): in an environment of its own, "
            "pip install nncf==2.19.0, the last release that has it, as "
            "benchmarks/against_torch_pruning.py says"
        ) from error
    warnings.simplefilter("ignore")
    nncf.set_log_level(logging.ERROR)
    target: dict[str, Any] = {"pruning_flops_target": 1 - share, "schedule": "baseline"}
    config = {
        "input_info": {"sample_size": [1, shape.channels, shape.height, shape.width]},
        "compression": {
            "algorithm": "filter_pruning",
            "pruning_init": 1 - share,
            "params": {**target, **CONVOLUTIONS_TOO, "all_weights": everywhere},
        },
    }
    controller, smaller = create_compressed_model(
        network, nncf.NNCFConfig.from_dict(config), dump_graphs=False
    )
    names = {module: name for name, module in smaller.named_modules()}
    return {
        names[node.module]: (controller.get_mask(node) == 0).nonzero().flatten().tolist()
        for node in controller.pruned_module_groups_info.get_all_nodes()
    }
