"""Mask channels, or remove them: two views of one function."""

from collections.abc import Mapping, Sequence
from copy import deepcopy

import numpy as np
import torch
from torch import Tensor, nn

from compression.channels.groups import Channels, Group
from compression.channels.layers import CONVOLUTIONS, PER_CHANNEL, TRANSPOSED
from compression.channels.structure import every
from proxyless_nas.counting import in_eval_mode
from proxyless_nas.layer import Shape

TOLERANCE = 1e-5
ADVICE = "nothing was changed: leave out the layers whose channels its code counts, and report it"
Chosen = Mapping[str, Sequence[int]]


def masked(module: nn.Module, channels: Channels, chosen: Chosen) -> nn.Module:
    """A copy in which the `chosen` channels of each group, by its name, are zero everywhere."""
    copy = deepcopy(module)
    tensors = _tensors(copy)
    with torch.no_grad():
        for group, gone in _gone(channels, chosen):
            for place in group.places:
                positions = torch.from_numpy(np.flatnonzero(np.isin(place.channel, gone)))
                tensor = tensors[place.tensor]
                tensor.index_fill_(place.axis, positions.to(tensor.device), 0.0)
    return copy


def removed(module: nn.Module, channels: Channels, chosen: Chosen, *inputs: Tensor) -> nn.Module:
    """A copy without the `chosen` channels of each group, by its name: the same layers, narrower.

    It is run beside the masked one on noise of the shapes of `inputs`; ValueError where they answer
    differently by more than 1e-5 of the largest number, where a group or a layer would lose all its
    channels, or where it has none of that number.
    """
    copy = deepcopy(module)
    remove(copy, channels, chosen)
    must_agree(masked(module, channels, chosen), copy, *inputs)
    return copy


def remove(module: nn.Module, channels: Channels, chosen: Chosen) -> None:
    """The same in the module itself, whose parameters become others; nobody looks at its answers.

    ValueError where a group or a layer would lose all its channels: then nothing is changed.
    """
    stay = _stay(channels, chosen)
    tensors = _tensors(module)
    widths = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    homes = _homes(module)
    for name, axes in stay.items():
        tensor = tensors[name].detach()
        order = _order_of(tensor)
        for axis, left in axes.items():
            positions = torch.from_numpy(np.flatnonzero(left)).to(tensor.device)
            tensor = tensor.index_select(axis, positions)
        _replace(homes[id(tensors[name])], tensors[name], tensor.clone(memory_format=order))
    for name, part in module.named_modules():
        _fit(part, widths.get(f"{name}.weight"))


def widened(
    module: nn.Module, channels: Channels, chosen: Chosen, narrow: Mapping[str, Tensor]
) -> nn.Module:
    """`removed` undone: a copy of the whole module with the tensors of a narrow one, by their names
    (its state dict), where they stood, and zeros where the `chosen` channels are.

    It answers as the narrow one does, which may have learned since. ValueError where the tensors
    are not those of `removed(module, channels, chosen)`.
    """
    copy = masked(module, channels, chosen)
    tensors, stay = _tensors(copy), _stay(channels, chosen)
    if set(narrow) != set(copy.state_dict()):
        raise ValueError("the narrow network has other tensors than the whole one")
    with torch.no_grad():
        for name, given in narrow.items():
            tensor = tensors[name]
            axes = stay.get(name, {})
            rows = [
                torch.from_numpy(np.flatnonzero(axes.get(axis, np.ones(size, dtype=bool))))
                for axis, size in enumerate(tensor.shape)
            ]
            left = tuple(map(len, rows))
            if left != tuple(given.shape):
                raise ValueError(f"{name} is {tuple(given.shape)}; {left} is left of the whole one")
            if rows:
                tensor[torch.meshgrid(*rows, indexing="ij")] = given.to(tensor)
            else:
                tensor.copy_(given)
    return copy


def noise(shape: Shape, module: nn.Module, count: int = 2) -> Tensor:
    """[count, *shape], where the module is: an input to follow its channels with."""
    chance = torch.Generator().manual_seed(0)
    x = torch.randn(count, shape.channels, shape.height, shape.width, generator=chance)
    return x.to(next(module.parameters()).device)


@torch.no_grad()
def must_agree(one: nn.Module, other: nn.Module, *inputs: Tensor) -> float:
    """The largest difference of two modules' answers, relative to the largest number of the first.

    They are asked for noise of the shapes of `inputs`: what a caller passes may be all zeros, and
    then most mistakes make no difference. Whole numbers are taken as they are. Above 1e-5 float64
    decides, for modules that can run in it: rounding alone may be to blame. ValueError where it is
    above 1e-5 then, or where the other gives no answer.
    """
    chance = torch.Generator().manual_seed(0)
    asked = [
        torch.randn(x.shape, generator=chance).to(x) if x.is_floating_point() else x for x in inputs
    ]
    try:
        difference = differing(one, other, *asked)
    except RuntimeError as error:
        raise ValueError(
            f"the network does not run without its channels ({error}); {ADVICE}"
        ) from error
    if not difference <= TOLERANCE:
        raise ValueError(
            f"the network answers differently without its channels, by {difference:.1e} of its "
            f"largest number; {ADVICE}"
        )
    return difference


@torch.no_grad()
def differing(one: nn.Module, other: nn.Module, *inputs: Tensor) -> float:
    """The largest difference of two modules' answers to `inputs`, relative to the largest number.

    Above 1e-5 float64 decides, for modules that can run in it, because rounding alone may be to
    blame: a GPU multiplies with 11 bits where it is let.
    """
    found = apart(_answers(one, inputs), _answers(other, inputs))
    if found <= TOLERANCE:
        return found
    doubles = [x.double() if x.is_floating_point() else x for x in inputs]
    try:
        return apart(*(_answers(deepcopy(each).double(), doubles) for each in (one, other)))
    except RuntimeError:
        return found


def apart(expected: Sequence[Tensor], answers: Sequence[Tensor]) -> float:
    """The largest difference of two lists of tensors, relative to the largest number in each.

    NaN where there is one anywhere.
    """
    found = [
        (second - first).abs().max().double() / first.abs().max().double().clamp(min=1e-12)
        for first, second in zip(expected, answers, strict=True)
    ]
    return float(torch.stack(found).max())


def _answers(module: nn.Module, inputs: Sequence[Tensor]) -> list[Tensor]:
    """All tensors in the answer, in eval mode."""
    with in_eval_mode(module):
        return every(Tensor, module(*inputs))


def _gone(channels: Channels, chosen: Chosen) -> list[tuple[Group, np.ndarray]]:
    """Each group once, with the numbers of its channels that go."""
    found: dict[str, tuple[Group, set[int]]] = {}
    for layer, numbers in chosen.items():
        group = channels[layer]
        wrong = [number for number in numbers if not 0 <= number < group.width]
        if wrong:
            raise ValueError(
                f"group {group.name} has channels 0 to {group.width - 1}, not {wrong[0]}"
            )
        found.setdefault(group.name, (group, set()))[1].update(map(int, numbers))
    return [(group, np.array(sorted(gone), dtype=np.int64)) for group, gone in found.values()]


def _stay(channels: Channels, chosen: Chosen) -> dict[str, dict[int, np.ndarray]]:
    """By tensor and axis [positions]: which of them stay. ValueError where a group or a layer would
    lose all its channels."""
    stay: dict[str, dict[int, np.ndarray]] = {}
    for group, gone in _gone(channels, chosen):
        if len(gone) == group.width:
            raise ValueError(f"group {group.name} would lose all its {group.width} channels")
        for place in group.places:
            whole = stay.setdefault(place.tensor, {})
            left = whole.setdefault(place.axis, np.ones(len(place.channel), dtype=bool))
            left &= ~np.isin(place.channel, gone)
            if not left.any():
                raise ValueError(
                    f"{place.layer} would lose all its channels, though other layers keep some "
                    "that leave with them: let more of them stay"
                )
    return stay


def _tensors(module: nn.Module) -> dict[str, Tensor]:
    return {**dict(module.named_parameters()), **dict(module.named_buffers())}


def _order_of(tensor: Tensor) -> torch.memory_format:
    """How its numbers lie in memory."""
    last = tensor.ndim == 4 and tensor.is_contiguous(memory_format=torch.channels_last)
    return torch.channels_last if last else torch.contiguous_format


def _homes(module: nn.Module) -> dict[int, list[tuple[nn.Module, str]]]:
    """By the id of a tensor, the parts that hold it, and what they call it."""
    found: dict[int, list[tuple[nn.Module, str]]] = {}
    for part in module.modules():
        own = (*part.named_parameters(recurse=False), *part.named_buffers(recurse=False))
        for name, tensor in own:
            found.setdefault(id(tensor), []).append((part, name))
    return found


def _replace(homes: list[tuple[nn.Module, str]], before: Tensor, tensor: Tensor) -> None:
    """Put a tensor wherever the one `before` it stands."""
    if isinstance(before, nn.Parameter):
        tensor = nn.Parameter(tensor, requires_grad=before.requires_grad)
    for part, name in homes:
        setattr(part, name, tensor)


def _fit(part: nn.Module, before: tuple[int, ...] | None) -> None:
    """Let a layer say of itself what its tensors have become."""
    weight = getattr(part, "weight", None)
    if isinstance(part, PER_CHANNEL):
        known = weight if isinstance(weight, Tensor) else part.running_mean
        if known is not None:
            part.num_features = len(known)
    if not isinstance(weight, Tensor) or before is None or before == tuple(weight.shape):
        return
    out, taken = weight.shape[:2] if weight.ndim > 1 else (len(weight), 0)
    if isinstance(part, CONVOLUTIONS):
        if part.groups > 1 and part.groups == part.in_channels:
            part.groups = part.in_channels = out * part.groups // before[0]
        else:
            part.in_channels = taken * part.groups
        part.out_channels = out
    elif isinstance(part, TRANSPOSED):
        part.in_channels, part.out_channels = out, taken
    elif isinstance(part, nn.Linear):
        part.out_features, part.in_features = out, taken
    elif isinstance(part, nn.Embedding):
        part.embedding_dim = taken
    elif isinstance(part, nn.PReLU):
        part.num_parameters = out
    elif isinstance(part, nn.GroupNorm):
        part.num_groups = part.num_channels = out
