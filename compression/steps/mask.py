"""The step that lets elements of weights be zero: `do: mask`."""

from typing import Any

import msgspec
import torch
from torch import Tensor, nn

from compression.masks import AnyMethod, Between, Surgery, refresh
from compression.schedule import AnyCurve, values_by_step
from compression.steps.base import AtWork
from compression.steps.masks import Below, Masking, Masks
from compression.steps.rewind import Memory, Rewind
from proxyless_nas.layer import Shape
from training.companion import Seen
from training.plan import Plan


class MaskStep(Masks, frozen=True, tag="mask"):
    """Zeros that stay, chosen anew at every time by one of the methods of `compression/masks`.

    Each number of the `method` may be a curve instead:
    `{by: level, share: {curve: agp, start: 0.05, stop: 0.7}}`.

    With `rewind` the whole network, not only what is masked here, goes back to what it was at an
    earlier time whenever the mask has been chosen; the optimizer and an average of the weights
    begin anew, the learning rate does not. What is masked is then zero below the mask too, so a
    growing share takes its elements from those that are left.
    """

    method: dict[str, Any]
    rewind: Rewind | None = None

    def __post_init__(self) -> None:
        self.must_fit()
        method = next(iter(self.methods([[number] for number in range(1000)]).values()))
        if self.rewind is not None and isinstance(method, Surgery):
            raise ValueError("surgery lets what is masked learn on, and `rewind` forgets it")
        if self.rewind is not None and self.below is not None:
            raise ValueError("`rewind` makes what is masked zero: leave `below` out")

    def methods(self, rounds: list[list[int]]) -> dict[int, AnyMethod]:
        """The method at each step of some rounds. ValueError for one that is not understood."""
        return by_step(self.method, rounds, AnyMethod)

    def begin(self, network: nn.Module, shape: Shape, plan: Plan, seen: Seen) -> AtWork:
        memory = None
        if self.rewind is not None:
            memory = self.rewind.memory(network, self.when, self.times(plan), plan)
        methods = self.methods(self.rounds(plan))
        below = self.below or (
            "learns" if isinstance(_first(methods), Between | Surgery) else "waits"
        )
        return _Masking(network, shape, self, plan, methods, memory, below)


class _Masking(Masking):
    """Masks on elements."""

    def __init__(
        self,
        network: nn.Module,
        shape: Shape,
        how: MaskStep,
        plan: Plan,
        methods: dict[int, AnyMethod],
        memory: Memory | None,
        below: Below,
    ) -> None:
        super().__init__(network, shape, how, plan, "elements", below)
        self._methods, self._memory = methods, memory
        self._measured: dict[str, Tensor] = {}
        for _, part, own in self.tensors:
            weight = getattr(part, own).detach()
            _first(methods).mask(weight, torch.ones_like(weight, dtype=torch.bool))  # does it fit?
        self.place("elements")

    def before(self, step: int) -> None:
        if self._memory is not None:
            self._memory.before(step)
        super().before(step)

    def choose(self, step: int) -> None:
        for layer, part, own in self.tensors:
            method: Any = self._methods[step]
            if method.remembers:
                name = f"{layer}.{own}"
                if name not in self._measured:
                    self._measured[name] = method.measured(self.dense(layer, part, own))
                method = method.remembering(self._measured[name])
            refresh(part, own, method, self.factor(layer))

    def goes_back(self, step: int) -> bool:
        if self._memory is None or step not in self._methods or step == self._memory.at:
            return False
        self._memory.put_back()
        return True

    def state(self) -> dict[str, Tensor]:
        held = {} if self._memory is None else self._memory.held
        return held | {f"{MEASURED}{name}": one for name, one in self._measured.items()}

    def restore(self, state: dict[str, Tensor]) -> None:
        self._measured = {
            name.removeprefix(MEASURED): one for name, one in state.items() if MEASURED in name
        }
        if self._memory is not None:
            self._memory.held = {name: one for name, one in state.items() if MEASURED not in name}


MEASURED = "measured "


def by_step(fields: dict[str, Any], rounds: list[list[int]], kind: Any) -> dict[int, Any]:
    """A struct of a `kind` for each step of some rounds, from fields that may be curves."""
    curves = {
        key: values_by_step(msgspec.convert(value, AnyCurve), rounds)
        for key, value in fields.items()
        if isinstance(value, dict)
    }
    fixed = {key: value for key, value in fields.items() if key not in curves}
    steps = [step for each in rounds for step in each]
    if not curves:
        return dict.fromkeys(steps, msgspec.convert(fixed, kind))
    return {
        step: msgspec.convert(
            {**fixed, **{key: values[step] for key, values in curves.items()}}, kind
        )
        for step in steps
    }


def _first(methods: dict[int, AnyMethod]) -> AnyMethod:
    return next(iter(methods.values()))
