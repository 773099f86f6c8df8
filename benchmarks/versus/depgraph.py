"""Torch-Pruning: its pruners, used as its own scripts use them, to a share of the MACs."""

import warnings
from bisect import bisect_left
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from functools import partial
from typing import Any

from torch import nn

from benchmarks.versus.methods import Method
from compression.channels.cut import noise
from proxyless_nas import macs_of
from proxyless_nas.layer import Shape

STEPS = 400
"""In so many steps its own script takes everything away, and stops where the target is met."""
SHARES = 128
"""Shares of channels that are tried where one call must meet the target."""


@contextmanager
def opened() -> Iterator[Any]:
    """The package, its warnings aside; ValueError where it is not installed."""
    try:
        import torch_pruning  # type: ignore[import-not-found]
    except ImportError as error:
        raise ValueError(
            f"Torch-Pruning is not here ({error}): in an environment of its own, "
            "pip install torch-pruning, as benchmarks/against_torch_pruning.py says"
        ) from error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield torch_pruning


def methods(shape: Shape, share: float) -> list[Method]:
    """Its rows: by its own script, and in one call as a user would who knows the ratio."""
    return [
        Method("tp local", partial(stepwise, shape=shape, share=share, everywhere=False)),
        Method("tp global", partial(stepwise, shape=shape, share=share, everywhere=True)),
        Method("tp local one-shot", partial(at_once, shape=shape, share=share)),
        Method("tp local x8", partial(at_once, shape=shape, share=share, multiple=8)),
    ]


def stepwise(network: nn.Module, shape: Shape, share: float, everywhere: bool) -> nn.Module:
    """In small steps, scored anew before each, until `share` of the MACs is left.

    `everywhere`: groups are ranked together, not each by itself.
    """
    with opened() as tp:
        enough = _target(tp, network, shape, share)
        pruner = _pruner(tp, network, shape, 1.0, iterative_steps=STEPS, global_pruning=everywhere)
        while not enough(pruner.model):
            if pruner.current_step == STEPS:
                raise ValueError(f"Torch-Pruning does not reach {share:g} of the MACs")
            pruner.step()
    return pruner.model


def at_once(
    network: nn.Module, shape: Shape, share: float, multiple: int | None = None
) -> nn.Module:
    """The same share of every group in one call: the least that leaves `share` of the MACs."""
    with opened() as tp:
        enough = _target(tp, network, shape, share)

        def at(step: int) -> nn.Module:
            pruner = _pruner(tp, network, shape, step / SHARES, round_to=multiple)
            pruner.step()
            return pruner.model

        steps = range(1, SHARES)
        return at(steps[bisect_left(steps, True, key=lambda step: enough(at(step)))])


def _target(tp: Any, network: nn.Module, shape: Shape, share: float) -> Callable[[nn.Module], bool]:
    """Whether so little is left, by its own count, which is quicker, and then by ours."""
    x = noise(shape, network, 1)
    whole = tp.utils.count_ops_and_params(network, x)[0], macs_of(network, shape)

    def enough(smaller: nn.Module) -> bool:
        own = tp.utils.count_ops_and_params(smaller, x)[0]
        return own <= share * whole[0] and macs_of(smaller, shape) <= share * whole[1]

    return enough


def _pruner(tp: Any, network: nn.Module, shape: Shape, ratio: float, **how: Any) -> Any:
    """With its group L2 importance; the layers that answer are left alone, as in its script."""
    copy = deepcopy(network)
    x = noise(shape, copy, 1)
    classes = copy(x).shape[1]
    answer = [m for m in copy.modules() if isinstance(m, nn.Linear) and m.out_features == classes]
    return tp.pruner.GroupNormPruner(
        copy,
        x,
        importance=tp.importance.GroupMagnitudeImportance(p=2),
        pruning_ratio=ratio,
        ignored_layers=answer,
        **how,
    )
