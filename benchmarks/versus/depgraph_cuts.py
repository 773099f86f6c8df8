"""Torch-Pruning's dependency graph, asked for a random share of every group's channels."""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.versus.depgraph import opened
from benchmarks.versus.judging import Cut, Place
from compression.channels.layers import CONVOLUTIONS, PER_CHANNEL, TRANSPOSED

ROOTS = (*CONVOLUTIONS, *TRANSPOSED, nn.Linear)
MAKERS = (*ROOTS, *PER_CHANNEL, nn.LayerNorm, nn.GroupNorm)


def count_groups(network: nn.Module, x: Tensor, keep: Sequence[str]) -> int:
    """Trace, and count the groups that may lose channels; layers to `keep` are named to it."""
    with opened() as tp:
        graph = tp.DependencyGraph().build_dependency(network, example_inputs=x)
        return len(list(graph.get_all_groups([network.get_submodule(name) for name in keep])))


def cut_by_pruner(
    network: nn.Module, x: Tensor, keep: Sequence[str], share: float, seed: int
) -> Cut:
    """A random share of the channels of every group goes, by its pruner, twice from one seed.

    The first time nothing is removed: its groups then number channels as the network has them.
    """
    with opened() as tp:
        asked, pruner = (_pruner(tp, network, x, keep, share) for _ in range(2))
        torch.manual_seed(seed)
        groups = list(asked.step(interactive=True))
        torch.manual_seed(seed)
        pruner.step()
        return Cut(pruner.model, len(groups), _places(asked, groups))


def cut_by_layers(
    network: nn.Module, x: Tensor, keep: Sequence[str], share: float, seed: int
) -> Cut:
    """A random share of the channels of every layer goes, with the group that its graph names.

    As its manual does it: a layer, some of its channels, the group, the group's check, off. Where
    convolutions are grouped, the same channels go from each of their groups.
    """
    chance = torch.Generator().manual_seed(seed)
    with opened() as tp:
        asked, pruner = (_pruner(tp, network, x, keep, share) for _ in range(2))
        groups: list[Any] = []
        for name, layer, whole in _wholes(asked, keep):
            take, width = _taker(asked, layer), layer.weight.shape[_axis(layer)]
            parts = asked._get_channel_groups(whole)
            each = width // parts
            some = torch.randperm(each, generator=chance)[: min(round(share * each), each - 1)]
            positions = [part * each + one for part in range(parts) for one in some.tolist()]
            group = asked.DG.get_pruning_group(layer, take, positions)
            if positions and asked.DG.check_pruning_group(group):
                groups.append(group)
                own = pruner.model.get_submodule(name)
                pruner.DG.get_pruning_group(own, _taker(pruner, own), positions).prune()
        return Cut(pruner.model, len(groups), _places(asked, groups))


def _pruner(tp: Any, network: nn.Module, x: Tensor, keep: Sequence[str], share: float) -> Any:
    copy = deepcopy(network)
    return tp.pruner.MagnitudePruner(
        copy,
        x,
        importance=tp.importance.RandomImportance(),
        pruning_ratio=share,
        ignored_layers=[copy.get_submodule(name) for name in keep],
    )


def _wholes(pruner: Any, keep: Sequence[str]) -> Iterator[tuple[str, Any, Any]]:
    """In the network's order: a layer, by its name too, and the group of all of its channels.

    Layers whose channels are in the group of an earlier one are not asked again.
    """
    seen = {pruner.model.get_submodule(name) for name in keep}
    for name, layer in pruner.model.named_modules():
        if isinstance(layer, ROOTS) and layer not in seen and layer in pruner.DG.module2node:
            everything = list(range(layer.weight.shape[_axis(layer)]))
            whole = pruner.DG.get_pruning_group(layer, _taker(pruner, layer), everything)
            made = {module for module, _ in _made(pruner, whole)}
            if not made & seen:
                yield name, layer, whole
            seen |= made


def _taker(pruner: Any, layer: nn.Module) -> Any:
    return pruner.DG.get_pruner_of_module(layer).prune_out_channels


def _made(pruner: Any, group: Any) -> list[tuple[nn.Module, list[int]]]:
    """Layers that make or carry the channels of a group, and where."""
    return [
        (dependency.target.module, list(positions))
        for dependency, positions in group
        if isinstance(dependency.target.module, MAKERS)
        and pruner.DG.is_out_channel_pruning_fn(dependency.handler)
    ]


def _places(pruner: Any, groups: Sequence[Any]) -> list[Place]:
    """Where channels are made that go; of positions that a layer does not have it cuts nothing."""
    names = {module: name for name, module in pruner.model.named_modules()}
    return [
        (f"{names[layer]}.{own}", along, [at for at in positions if at < tensor.shape[along]])
        for group in groups
        for layer, positions in _made(pruner, group)
        for own, along in (("weight", _axis(layer)), ("bias", 0))
        if (tensor := getattr(layer, own)) is not None
    ]


def _axis(layer: nn.Module) -> int:
    """The axis of a layer's weight along which it makes channels."""
    return 1 if isinstance(layer, TRANSPOSED) else 0
