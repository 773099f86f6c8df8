"""Zeros that stay: a mask as a parametrization, so that no optimizer can move what is masked."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from compression.masks.methods import AnyMethod

Owner = Literal["elements", "structures", "channels"]
TINY = 1e-12
UNIQUE = ("__dict__", "__weakref__")
"""What every class has of its own."""


class Mask(nn.Module):
    """w -> w where `kept`, else 0; a tensor has one for each `owner`, who chooses.

    The dense weights stay below, as `parametrizations.*.original`. The gradient of what is masked
    is 0, so only weight decay and momentum move it; with `revives` it is that of the masked
    weights, as if they were not masked, so that they move and can come back. With `scales` what is
    kept is divided by the part that is kept. A mask that `passes` is for the steps of a training
    alone: in eval mode, and where masks are baked, everything is kept.
    """

    kept: Tensor

    def __init__(self, weight: Tensor, owner: Owner) -> None:
        super().__init__()
        self.owner = owner
        self.register_buffer("kept", torch.ones_like(weight, dtype=torch.bool))
        self.revives = self.scales = self.passes = False

    def masked(self, weight: Tensor) -> Tensor:
        """What is left of it: all, in the end, where the mask passes."""
        if self.passes and not self.training:
            return weight
        left = weight * self.kept
        return left / self.kept.float().mean().clamp(min=TINY) if self.scales else left

    def forward(self, weight: Tensor) -> Tensor:
        masked = self.masked(weight)
        return weight + (masked - weight).detach() if self.revives else masked

    def right_inverse(self, weight: Tensor) -> Tensor:
        """What to keep below when the tensor is assigned."""
        return weight


def mask_on(module: nn.Module, name: str, owner: Owner = "elements") -> Mask:
    """A new mask, which keeps everything yet, on the tensor `name` of a layer; or its old one."""
    mask = _found(module, name, owner)
    if mask is None:
        mask = Mask(getattr(module, name), owner)
        parametrize.register_parametrization(module, name, mask, unsafe=False)
        refill_on_call(module)
    return mask


@torch.no_grad()
def refresh(module: nn.Module, name: str, method: AnyMethod, factor: Tensor | None = None) -> Mask:
    """Let a method choose anew what is kept of a tensor; it looks at the dense weights.

    What other owners have masked does not count: a share is one of the rest. A method for which
    places matter is given zeros there. Weights are looked at times `factor` [out, 1, ...].
    """
    mask = mask_on(module, name)
    dense, left = dense_of(module, name), left_by_others(module, name, mask)
    if factor is not None:
        dense = dense * factor
    if method.places_matter or left.all():
        mask.kept.copy_(method.mask(dense * left, mask.kept))
    else:
        mask.kept[left] = method.mask(dense[left], mask.kept[left])
    return mask


def left_by_others(module: nn.Module, name: str, mask: Mask) -> Tensor:
    """[like the tensor]: what masks of other owners keep of it, those aside that pass."""
    chain: Any = module.parametrizations[name]  # type: ignore[index]
    left = torch.ones_like(mask.kept)
    for other in chain:
        if isinstance(other, Mask) and other is not mask and not other.passes:
            left &= other.kept
    return left


@torch.no_grad()
def forget_masked(module: nn.Module) -> None:
    """Let the dense weights below all masks be zero too where they are masked."""
    for part in module.modules():
        chain: Any
        for chain in getattr(part, "parametrizations", {}).values():
            for one in chain:
                if isinstance(one, Mask):
                    chain.original.mul_(one.kept)


@torch.no_grad()
def forget(module: nn.Module, name: str, mask: Mask) -> None:
    """Let the dense weight `name` of a layer be zero where one mask masks it."""
    dense_of(module, name).mul_(mask.kept)


def dense_of(module: nn.Module, name: str) -> Tensor:
    """The weight below the masks of a tensor."""
    chain: Any = module.parametrizations[name]  # type: ignore[index]
    return chain.original


def masks_of(module: nn.Module, owner: Owner = "elements") -> dict[str, Mask]:
    """All masks of an owner below a module, by the name of the tensor."""
    return dict(_masks(module, owner))


def _masks(module: nn.Module, owner: Owner) -> Iterator[tuple[str, Mask]]:
    for prefix, part in module.named_modules():
        for name in getattr(part, "parametrizations", {}):
            mask = _found(part, name, owner)
            if mask is not None:
                yield f"{prefix}.{name}".lstrip("."), mask


def _found(module: nn.Module, name: str, owner: Owner | None) -> Mask | None:
    """The mask of an owner, or, without one, of whoever has one."""
    if not parametrize.is_parametrized(module, name):
        return None
    for one in module.parametrizations[name]:  # type: ignore[index,union-attr]
        if isinstance(one, Mask) and owner in (None, one.owner):
            return one
    return None


def bake(module: nn.Module) -> None:
    """Write the zeros into the weights and take the masks away: a plain module again.

    Other parametrizations of a tensor stay.
    """
    for part in list(module.modules()):
        if isinstance(part, Mask):
            part.eval()  # what passes is over
    for part in list(module.modules()):
        for name in list(getattr(part, "parametrizations", {})):
            if _found(part, name, None) is not None:
                _bake(part, name)
        drop_refill(part)


@torch.no_grad()
def _bake(part: nn.Module, name: str) -> None:
    chain: Any = part.parametrizations[name]  # type: ignore[index]
    masks = [one for one in chain if isinstance(one, Mask)]
    if len(masks) == len(chain):
        have_own_class(part)
        parametrize.remove_parametrizations(part, name, leave_parametrized=True)
        return
    before = part.get_parameter(f"parametrizations.{name}.original")
    for mask in masks:
        before.copy_(mask.masked(before))
        del chain[next(index for index, one in enumerate(chain) if one is mask)]


def plain_copy(module: nn.Module) -> nn.Module:
    """A copy without masks, in which what they leave out is zero."""
    for part in module.modules():
        if "_refills" in vars(part):  # what was computed for the last call cannot be copied
            object.__setattr__(part, "_flat_weights", [])
    copy = deepcopy(module)
    bake(copy)
    return copy


def have_own_class(module: nn.Module) -> None:
    """A parametrized module shares its class with its copies, and torch changes the class."""
    shared = type(module)
    held = {key: value for key, value in vars(shared).items() if key not in UNIQUE}
    object.__setattr__(module, "__class__", type(shared.__name__, shared.__bases__, held))


def refill_on_call(module: nn.Module) -> None:
    """LSTMs and GRUs keep a list of their weights: let it be filled anew whenever one is called."""
    if isinstance(module, nn.RNNBase) and not hasattr(module, "_refills"):
        handle = module.register_forward_pre_hook(_refill)
        object.__setattr__(module, "_refills", handle)


def drop_refill(module: nn.Module) -> None:
    """No more of that, once nothing stands over a weight of the module."""
    if "_refills" in vars(module) and not parametrize.is_parametrized(module):
        handle: Any = module.__dict__.pop("_refills")
        handle.remove()
        _refill(module)


def _refill(module: nn.Module, *_: Any) -> None:
    names = module._flat_weights_names
    object.__setattr__(module, "_flat_weights", [getattr(module, name) for name in names])  # type: ignore[union-attr]
