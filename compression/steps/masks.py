"""What steps that mask weights have in common: how long a mask lasts, and what is below it."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from compression.channels.cut import noise
from compression.masks import Mask, dense_of, forget, mask_on, masks_of, plain_copy
from compression.masks.mask import Owner
from compression.overriders.place import overridden_tensors
from compression.quantizers.fold import norms_behind
from compression.quantizers.place import must_keep_zeros, quantization_of
from compression.selectors import Where, must_stand_alone
from compression.steps.base import AtWork, Step
from proxyless_nas.layer import Shape
from training.plan import Plan

Below = Literal["waits", "learns", "zero", "from-zero"]


class Masks(Step, frozen=True, kw_only=True):
    """A step that masks the tensors of `where`.

    `below` says what is masked does meanwhile: it `waits` with the value that it had; it `learns`
    on, as if it were not masked; it becomes `zero` for good; or it is zero before every step and
    learns from there (`from-zero`). Whatever it does, it counts as it is then when the mask is
    chosen again.

    A mask stays until it is chosen again, and behind the end too. One that `lasts` so many steps is
    for the training alone, like dropout; one that does not stay (`stays: false`) ends with `when`.
    With `folded` weights are looked at as they are once the batch norm behind their layer is folded
    into it.
    """

    where: Where = Where()
    below: Below | None = None
    lasts: int | None = None
    stays: bool = True
    folded: bool = False

    def must_fit(self) -> None:
        """ValueError for a mask that could not last so long, and where nothing can be folded."""
        if self.lasts is not None and self.lasts < 1:
            raise ValueError(f"a mask that lasts {self.lasts} steps is none")
        if self.folded and self.where.role != "weight":
            raise ValueError("batch norms are folded into weights: leave `role` out")

    def rounds(self, plan: Plan) -> list[list[int]]:
        """For each of its times the steps of the training before which it chooses."""
        return self.when.rounds(plan.per_epoch, plan.steps)


class Masking(AtWork):
    """Masks on some tensors, chosen at some steps of a training."""

    def __init__(
        self,
        network: nn.Module,
        shape: Shape,
        how: Masks,
        plan: Plan,
        owner: Owner,
        below: Below,
    ) -> None:
        self._network, self._how, self._below = network, how, below
        tensors = how.where.tensors(network)
        _must_be_free(network, tensors, owner)
        parts = dict(network.named_modules())
        self.tensors = [(layer, parts[layer], own) for layer, own in tensors]
        norms = _norms(network, shape, tensors) if how.folded else {}
        self._norms = {layer: parts[norm] for layer, norm in norms.items()}
        self._times = {step for each in how.rounds(plan) for step in each}
        self._release = self._releases(plan)
        self.last_change = max((*self._times, *self._release))

    def place(self, owner: Owner, scales: bool = False) -> None:
        """Put masks there, which keep everything yet."""
        self.masks: list[Mask] = []
        for _, part, own in self.tensors:
            mask = mask_on(part, own, owner)
            mask.revives = self._below in ("learns", "from-zero")
            mask.passes = self._how.lasts is not None
            mask.scales = scales
            self.masks.append(mask)

    def before(self, step: int) -> None:
        if step in self._release and step not in self._times:
            for mask in self.masks:
                mask.kept.fill_(True)
        if step in self._times:
            self.choose(step)
        if self._below in ("zero", "from-zero"):
            for (_, part, own), mask in zip(self.tensors, self.masks, strict=True):
                forget(part, own, mask)

    @abstractmethod
    def choose(self, step: int) -> None:
        """Choose what is kept, before a step of the training."""

    def dense(self, layer: str, part: nn.Module, own: str) -> Tensor:
        """A weight below its masks, as it is looked at."""
        factor, dense = self.factor(layer), dense_of(part, own).detach()
        return dense if factor is None else dense * factor

    def factor(self, layer: str) -> Tensor | None:
        """[out, 1, ...]: what folding the batch norm behind a layer makes of its weight."""
        norm = self._norms.get(layer)
        if norm is None:
            return None
        assert isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d) and norm.running_var is not None
        scale = (norm.running_var + norm.eps).rsqrt()
        if norm.weight is not None:
            scale = scale * norm.weight.detach()
        weight = getattr(self._network.get_submodule(layer), "weight")  # noqa: B009
        return scale.reshape(-1, *[1] * (weight.ndim - 1))

    def _releases(self, plan: Plan) -> set[int]:
        lasts, end = self._how.lasts, self._how.end(plan)
        found = set() if lasts is None else {step + lasts for step in self._times}
        if not self._how.stays:
            found.add(end)
        return {step for step in found if step < plan.steps}


def _must_be_free(network: nn.Module, tensors: Sequence[tuple[str, str]], owner: Owner) -> None:
    """ValueError where a tensor cannot be masked by a step of this kind."""
    masked, quantized = masks_of(network, owner), quantization_of(network).layers
    overridden = overridden_tensors(network)
    for layer, own in tensors:
        must_stand_alone(network, layer, own)
        if f"{layer}.{own}" in masked:
            raise ValueError(f"an earlier step masks {layer}.{own} already: exclude {layer}")
        if f"{layer}.{own}" in overridden:
            raise ValueError(
                f"an earlier step overrides {layer}.{own}: let the mask come first, or write its "
                "method into that chain"
            )
        kind = quantized[layer].weights if layer in quantized else None
        if kind is not None and own == "weight":
            must_keep_zeros(layer, kind)


@torch.no_grad()
def _norms(network: nn.Module, shape: Shape, tensors: Sequence[tuple[str, str]]) -> dict[str, str]:
    """By layer, the batch norm that can be folded into it. ValueError where there is none."""
    plain = plain_copy(network)
    found = dict(norms_behind(plain, noise(shape, plain)))
    for layer, _ in tensors:
        if layer not in found:
            raise ValueError(f"no batch norm can be folded into {layer}: leave `folded` out")
    return {layer: found[layer] for layer, _ in tensors}
