"""The step that lets elements of weights be zero: `do: mask`."""

from collections.abc import Collection, Mapping
from typing import Any

import msgspec
import torch
from torch import Tensor, nn

from compression.masks import AnyMethod, Level, Random, refresh
from compression.masks.ratios import AnyRatios, heuristic
from compression.schedule import AnyCurve, values_by_step
from compression.steps.base import AtWork
from compression.steps.masks import Below, Masking, Masks
from compression.steps.rewind import Memory, Rewind
from proxyless_nas.files import at_key, did_you_mean
from proxyless_nas.layer import Shape
from training.companion import Seen
from training.plan import Plan

EVERYWHERE = "*"
"""What stands for the name of a layer where all have the same method."""


class MaskStep(Masks, frozen=True, tag="mask"):
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
    rewind: Rewind | None = None

    def __post_init__(self) -> None:
        self.must_fit()
        each = self._each([[number] for number in range(1000)])
        first = _first(next(iter(each.values())))
        if self.rewind is not None and first.revives:
            raise ValueError("surgery lets what is masked learn on, and `rewind` forgets it")
        if self.rewind is not None and self.below is not None:
            raise ValueError("`rewind` makes what is masked zero: leave `below` out")
        if self.ratios != "uniform" and not (
            list(each) == [EVERYWHERE] and isinstance(first, Level | Random)
        ):
            raise ValueError(
                f"`ratios: {self.ratios}` spreads one `share`: name one, and no layers"
            )

    def methods(
        self, rounds: list[list[int]], counts: Mapping[str, int]
    ) -> dict[str, dict[int, AnyMethod]]:
        """By layer, the method at each step of some rounds.

        `counts` has the elements of the layers' tensors. ValueError where the method names layers
        that are not among them, or not all of them.
        """
        each = self._each(rounds)
        if EVERYWHERE not in each:
            _must_be_all(each, counts)
            return each
        if self.ratios == "uniform":
            return dict.fromkeys(counts, each[EVERYWHERE])
        found: dict[str, dict[int, AnyMethod]] = {name: {} for name in counts}
        for step, method in each[EVERYWHERE].items():
            assert isinstance(method, Level | Random)
            shares = heuristic(method.share, list(counts.values()))
            for name, share in zip(counts, shares, strict=True):
                found[name][step] = msgspec.structs.replace(method, share=share)
        return found

    def _each(self, rounds: list[list[int]]) -> dict[str, dict[int, AnyMethod]]:
        """By the layers that the method names, or `EVERYWHERE`. ValueError where it is none."""
        named = {
            key: value
            for key, value in self.method.items()
            if isinstance(value, dict) and "curve" not in value
        }
        if not named:
            return {EVERYWHERE: by_step(self.method, rounds, AnyMethod)}
        first, *others = named.values()
        if not first or any(set(one) != set(first) for one in others):
            raise ValueError("numbers of a method that differ by layer name the same layers")
        own = {layer: {key: value[layer] for key, value in named.items()} for layer in first}
        return {
            layer: by_step({**self.method, **fields}, rounds, AnyMethod)
            for layer, fields in own.items()
        }

    def begin(self, network: nn.Module, shape: Shape, plan: Plan, seen: Seen) -> AtWork:
        memory = None
        if self.rewind is not None:
            memory = self.rewind.memory(network, self.when, self.times(plan), plan)
        counts: dict[str, int] = {}
        for layer, own in self.where.tensors(network):
            size = getattr(network.get_submodule(layer), own).numel()
            counts[layer] = counts.get(layer, 0) + size
        methods = self.methods(self.rounds(plan), counts)
        revives = _first(next(iter(methods.values()))).revives
        below = self.below or ("learns" if revives else "waits")
        return _Masking(network, shape, self, plan, methods, memory, below)


def _must_be_all(named: Collection[str], layers: Collection[str]) -> None:
    """ValueError where layers are named that are not there, or not all are."""
    for name in named:
        if name not in layers:
            near = did_you_mean(name, list(layers))
            raise ValueError(f"the method names {name}, and `where` finds no such layer{near}")
    for name in layers:
        if name not in named:
            raise ValueError(f"the method says nothing of {name}: name it too, or exclude it")


class _Masking(Masking):
    """Masks on elements."""

    def __init__(
        self,
        network: nn.Module,
        shape: Shape,
        how: MaskStep,
        plan: Plan,
        methods: Mapping[str, dict[int, AnyMethod]],
        memory: Memory | None,
        below: Below,
    ) -> None:
        super().__init__(network, shape, how, plan, "elements", below)
        self._methods, self._memory = methods, memory
        self._measured: dict[str, Tensor] = {}
        for layer, part, own in self.tensors:
            weight = getattr(part, own).detach()
            kept = torch.ones_like(weight, dtype=torch.bool)
            _first(methods[layer]).mask(weight, kept)  # does it fit?
        self.place("elements")

    def before(self, step: int) -> None:
        if self._memory is not None:
            self._memory.before(step)
        super().before(step)

    def choose(self, step: int) -> None:
        for layer, part, own in self.tensors:
            method: Any = self._methods[layer][step]
            if method.remembers:
                name = f"{layer}.{own}"
                if name not in self._measured:
                    self._measured[name] = method.measured(self.dense(layer, part, own))
                method = method.remembering(self._measured[name])
            refresh(part, own, method, self.factor(layer))

    def goes_back(self, step: int) -> bool:
        if self._memory is None or step not in self._times or step == self._memory.at:
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
        key: values_by_step(_made(value, AnyCurve, f"method.{key}"), rounds)
        for key, value in fields.items()
        if isinstance(value, dict)
    }
    fixed = {key: value for key, value in fields.items() if key not in curves}
    steps = [step for each in rounds for step in each]
    if not curves:
        return dict.fromkeys(steps, _made(fixed, kind, "method"))
    return {
        step: _made(
            {**fixed, **{key: values[step] for key, values in curves.items()}}, kind, "method"
        )
        for step in steps
    }


def _made(value: Any, kind: Any, key: str) -> Any:
    """What stands at a key, as a `kind`; ValueError that says where below it is what is wrong."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise at_key(key, error) from error


def _first(methods: dict[int, AnyMethod]) -> AnyMethod:
    return next(iter(methods.values()))
