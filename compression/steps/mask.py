"""The step that lets elements of weights be zero: `do: mask`."""

from collections.abc import Collection, Mapping
from typing import Any

import msgspec
import torch
from torch import Tensor, nn

from compression.masks import (
    AnyMethod,
    Level,
    Random,
    mask_for,
    masks_of,
    refresh,
)
from compression.masks.ratios import AnyRatios, heuristic
from compression.overriders.place import overridden_tensors
from compression.quantizers.place import must_keep_zeros, quantization_of
from compression.schedule import AnyCurve, values_of
from compression.selectors import Where, must_stand_alone
from compression.steps.base import AtWork, Step
from compression.steps.rewind import Memory, Rewind
from proxyless_nas.files import did_you_mean
from proxyless_nas.layer import Shape
from training.companion import Seen
from training.plan import Plan

EVERYWHERE = "*"
"""What stands for the name of a layer where all have the same method."""


class MaskStep(Step, frozen=True, tag="mask"):
    """Zeros that stay, chosen anew at every time by one of the methods of `compression/masks`.

    Each number of the `method` may be a curve instead:
    `{by: level, share: {curve: agp, start: 0.05, stop: 0.7}}`, or one number or curve per layer, by
    the names of all layers that `where` finds: `{by: level, share: {conv1: 0.3, conv2: 0.8}}`.

    A `share` is the same in all layers, or, with `ratios: heuristic`, one of all their elements,
    of which the larger layers lose more (`compression.masks.ratios`).

    With `rewind` the whole network, not only what is masked here, goes back to what it was at an
    earlier time whenever the mask has been chosen; the optimizer and an average of the weights
    begin anew, the learning rate does not. What is masked is then zero below the mask too, so a
    growing share takes its elements from those that are left.
    """

    method: dict[str, Any]
    ratios: AnyRatios = "uniform"
    where: Where = Where()
    rewind: Rewind | None = None

    def __post_init__(self) -> None:
        methods = [each[0] for each in self._each(1000).values()]
        if self.rewind is not None and methods[0].revives:
            raise ValueError("surgery lets what is masked learn on, and `rewind` forgets it")
        if self.ratios != "uniform" and not (
            list(self._each(1000)) == [EVERYWHERE] and isinstance(methods[0], Level | Random)
        ):
            raise ValueError(
                f"`ratios: {self.ratios}` spreads one `share`: name one, and no layers"
            )

    def methods(self, times: int, counts: Mapping[str, int]) -> dict[str, list[AnyMethod]]:
        """By layer, the method at each of so many times.

        `counts` has the elements of the layers' tensors. ValueError where the method names layers
        that are not among them, or not all of them.
        """
        each = self._each(times)
        if EVERYWHERE not in each:
            _must_be_all(each, counts)
            return each
        if self.ratios == "uniform":
            return dict.fromkeys(counts, each[EVERYWHERE])
        found: dict[str, list[AnyMethod]] = {name: [] for name in counts}
        for method in each[EVERYWHERE]:
            assert isinstance(method, Level | Random)
            shares = heuristic(method.share, list(counts.values()))
            for name, share in zip(counts, shares, strict=True):
                found[name].append(msgspec.structs.replace(method, share=share))
        return found

    def _each(self, times: int) -> dict[str, list[AnyMethod]]:
        """By the layers that the method names, or `EVERYWHERE`. ValueError where it is none."""
        named = {
            key: value
            for key, value in self.method.items()
            if isinstance(value, dict) and "curve" not in value
        }
        if not named:
            return {EVERYWHERE: self._along(times, {})}
        first, *others = named.values()
        if not first or any(set(one) != set(first) for one in others):
            raise ValueError("numbers of a method that differ by layer name the same layers")
        return {
            layer: self._along(times, {key: value[layer] for key, value in named.items()})
            for layer in first
        }

    def _along(self, times: int, own: Mapping[str, Any]) -> list[AnyMethod]:
        """The method at each of so many times, with a layer's own numbers or curves."""
        told = {**self.method, **own}
        curves = {
            key: values_of(msgspec.convert(value, AnyCurve), times)
            for key, value in told.items()
            if isinstance(value, dict)
        }
        fixed = {key: value for key, value in told.items() if key not in curves}
        if not curves:
            return [msgspec.convert(fixed, AnyMethod)] * times
        return [
            msgspec.convert({**fixed, **dict(zip(curves, values, strict=True))}, AnyMethod)
            for values in zip(*curves.values(), strict=True)
        ]

    def begin(self, network: nn.Module, shape: Shape, plan: Plan, seen: Seen) -> AtWork:
        times = self.times(plan)
        memory = None
        if self.rewind is not None:
            memory = self.rewind.memory(network, self.when, times, plan)
        tensors = self.where.tensors(network)
        counts: dict[str, int] = {}
        for layer, own in tensors:
            size = getattr(network.get_submodule(layer), own).numel()
            counts[layer] = counts.get(layer, 0) + size
        return _Masking(network, tensors, times, self.methods(len(times), counts), memory)


def _must_be_all(named: Collection[str], layers: Collection[str]) -> None:
    """ValueError where layers are named that are not there, or not all are."""
    for name in named:
        if name not in layers:
            near = did_you_mean(name, list(layers))
            raise ValueError(f"the method names {name}, and `where` finds no such layer{near}")
    for name in layers:
        if name not in named:
            raise ValueError(f"the method says nothing of {name}: name it too, or exclude it")


class _Masking(AtWork):
    """Masks on some tensors, chosen anew at some times."""

    def __init__(
        self,
        network: nn.Module,
        tensors: list[tuple[str, str]],
        times: list[int],
        methods: Mapping[str, list[AnyMethod]],
        memory: Memory | None,
    ) -> None:
        parts = dict(network.named_modules())
        self._tensors = [(parts[layer], own, methods[layer]) for layer, own in tensors]
        self._times = {step: number for number, step in enumerate(times)}
        self._memory = memory
        self.last_change = times[-1]
        masked, quantized = masks_of(network), quantization_of(network).layers
        overridden = overridden_tensors(network)
        for layer, own in tensors:
            must_stand_alone(network, layer, own)
            if f"{layer}.{own}" in masked:
                raise ValueError(f"an earlier step masks {layer}.{own} already: exclude {layer}")
            if f"{layer}.{own}" in overridden:
                raise ValueError(
                    f"an earlier step overrides {layer}.{own}: let the mask come first, or write "
                    "its method into that chain"
                )
            kind = quantized[layer].weights if layer in quantized else None
            if kind is not None and own == "weight":
                must_keep_zeros(layer, kind)
        for part, own, (first, *_) in self._tensors:
            weight = getattr(part, own).detach()
            first.mask(weight, torch.ones_like(weight, dtype=torch.bool))  # does it fit?
            mask_for(part, own, first)

    def before(self, step: int) -> None:
        if self._memory is not None:
            self._memory.before(step)
        time = self._times.get(step)
        if time is not None:
            for part, own, methods in self._tensors:
                refresh(part, own, methods[time])

    def goes_back(self, step: int) -> bool:
        if self._memory is None or step not in self._times or step == self._memory.at:
            return False
        self._memory.put_back()
        return True

    def state(self) -> dict[str, Tensor]:
        return {} if self._memory is None else self._memory.held

    def restore(self, state: dict[str, Tensor]) -> None:
        if self._memory is not None:
            self._memory.held = state
