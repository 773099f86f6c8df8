"""The step that lets elements of weights be zero: `do: mask`."""

from typing import Any

import msgspec
import torch
from torch import Tensor, nn

from compression.masks import AnyMethod, Surgery, mask_for, masks_of, refresh
from compression.overriders.place import overridden_tensors
from compression.quantizers.place import must_keep_zeros, quantization_of
from compression.schedule import AnyCurve, values_of
from compression.selectors import Where, must_stand_alone
from compression.steps.base import AtWork, Step
from compression.steps.rewind import Memory, Rewind
from proxyless_nas.layer import Shape
from training.companion import Seen
from training.plan import Plan


class MaskStep(Step, frozen=True, tag="mask"):
    """Zeros that stay, chosen anew at every time by one of the methods of `compression/masks`.

    Each number of the `method` may be a curve instead:
    `{by: level, share: {curve: agp, start: 0.05, stop: 0.7}}`.

    With `rewind` the whole network, not only what is masked here, goes back to what it was at an
    earlier time whenever the mask has been chosen; the optimizer and an average of the weights
    begin anew, the learning rate does not. What is masked is then zero below the mask too, so a
    growing share takes its elements from those that are left.
    """

    method: dict[str, Any]
    where: Where = Where()
    rewind: Rewind | None = None

    def __post_init__(self) -> None:
        methods = self.methods(1000)
        if self.rewind is not None and isinstance(methods[0], Surgery):
            raise ValueError("surgery lets what is masked learn on, and `rewind` forgets it")

    def methods(self, times: int) -> list[AnyMethod]:
        """The method at each of so many times. ValueError for one that is not understood."""
        curves = {
            key: values_of(msgspec.convert(value, AnyCurve), times)
            for key, value in self.method.items()
            if isinstance(value, dict)
        }
        fixed = {key: value for key, value in self.method.items() if key not in curves}
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
        return _Masking(network, tensors, times, self.methods(len(times)), memory)


class _Masking(AtWork):
    """Masks on some tensors, chosen anew at some times."""

    def __init__(
        self,
        network: nn.Module,
        tensors: list[tuple[str, str]],
        times: list[int],
        methods: list[AnyMethod],
        memory: Memory | None,
    ) -> None:
        parts = dict(network.named_modules())
        self._tensors = [(parts[layer], own) for layer, own in tensors]
        self._methods = dict(zip(times, methods, strict=True))
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
        for part, own in self._tensors:
            weight = getattr(part, own).detach()
            methods[0].mask(weight, torch.ones_like(weight, dtype=torch.bool))  # does it fit?
            mask_for(part, own, methods[0])

    def before(self, step: int) -> None:
        if self._memory is not None:
            self._memory.before(step)
        method = self._methods.get(step)
        if method is not None:
            for part, own in self._tensors:
                refresh(part, own, method)

    def goes_back(self, step: int) -> bool:
        if self._memory is None or step not in self._methods or step == self._memory.at:
            return False
        self._memory.put_back()
        return True

    def state(self) -> dict[str, Tensor]:
        return {} if self._memory is None else self._memory.held

    def restore(self, state: dict[str, Tensor]) -> None:
        if self._memory is not None:
            self._memory.held = state
