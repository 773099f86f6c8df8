"""The step that lets a network compute with other numbers than it holds: `do: override`."""

from collections.abc import Sequence

import torch
from msgspec.structs import replace
from torch import Tensor, nn

from compression.channels.cut import noise
from compression.gates.place import must_be_ungated
from compression.masks import masks_of
from compression.overriders import AnyOverrider, Chain, Of, must_chain
from compression.overriders.base import ELEMENTS, HELD
from compression.overriders.kinds import looks, once, refreshes
from compression.overriders.place import leave, must_flow, over_flow, over_slope, over_tensor
from compression.quantizers.place import quantization_of
from compression.selectors import Where
from compression.steps.base import AtWork, Step
from proxyless_nas.counting import in_eval_mode
from proxyless_nas.layer import Shape
from proxyless_nas.parameters import own_parameters
from training.companion import Judge, Seen
from training.plan import Plan

Tensors = list[tuple[str, str]]
"""(layer, the tensor's own name)."""


class OverrideStep(Step, frozen=True, tag="override"):
    """A `chain` of overriders, the first one first, over what `of` names (Mayo, Zhao et al. 2018).

    `weight` and `bias` are what layers hold; `input` and `output` what flows into and out of them;
    `weight-gradient` and `bias-gradient` the slopes of a whole step, averaged over workers, before
    they are clipped and the optimizer takes them; `error` the slopes by the output of a layer, of
    each part of a step alone, as they come back to it (under fp16 those of the scaled loss).
    `where` names layers; flows are those of any parts that its types and names fit, or, without
    these, of layers with weights.

    From the first time of `when` on the chain works; at every time masks, points and shares are
    chosen anew (Mayo's overriders-update). Over inputs and outputs `seen` training images show the
    numbers to choose by; over errors nothing can, and what a kind would choose must be said.

    In the end weights and biases are what the chain makes of them, so that the network is plain.
    Over inputs and outputs the chain stays, because the network has learned to answer with it;
    `network.pt2` is what is left then. Chains over slopes and errors leave nothing.
    """

    of: Of
    chain: tuple[AnyOverrider, ...]
    where: Where = Where()
    seen: int = 64

    def __post_init__(self) -> None:
        must_chain(self.chain, self.of)
        if self.where.role != "weight":
            raise ValueError("`of` says what is overridden: leave `role` out of `where`")
        if self.seen < 1:
            raise ValueError(f"{self.seen} images show nothing: `seen` is 1 or more")
        for kind in self.chain:
            if self.of == "error" and looks(kind):
                raise ValueError(
                    f"`{kind.__struct_config__.tag}` over errors has no numbers to choose by ahead "
                    "of a step: say its `point`, `bias` and `mantissa`"
                )

    def begin(self, network: nn.Module, shape: Shape, plan: Plan, seen: Seen) -> AtWork:
        if masks_of(network, "channels"):
            raise ValueError("an earlier step removes channels: override in a training behind it")
        times = self.times(plan)
        for kind in self.chain:
            if refreshes(kind) > len(times):
                raise ValueError(
                    f"`{kind.__struct_config__.tag}` must be refreshed {refreshes(kind)} times to "
                    f"be done, and `when` has {len(times)}: let it be more often, or raise `share`"
                )
        if self.of in ELEMENTS:
            return self._over_tensors(network, times)
        return self._over_flows(network, times, noise(shape, network), seen)

    def _over_tensors(self, network: nn.Module, times: list[int]) -> AtWork:
        role = "weight" if self.of.startswith("weight") else "bias"
        tensors = replace(self.where, role=role).tensors(network)
        if self.of not in HELD:
            return _Slopes(self, network, tensors, times)
        quantized = quantization_of(network).layers
        for layer, own in tensors:
            if own == "weight" and layer in quantized and quantized[layer].weights is not None:
                raise ValueError(f"the weights of {layer} are quantized already: exclude it")
        return _Tensors(self, network, tensors, times)

    def _over_flows(self, network: nn.Module, times: list[int], x: Tensor, seen: Seen) -> AtWork:
        must_be_ungated(network, "leave one of the two out, or override weights alone")
        where = self.where
        named = bool(where.type or where.name)
        layers = where.parts(network) if named else where.layers(network)
        must_flow(network, layers, x)
        looking = any(looks(kind) for kind in self.chain)
        images = [x for x, _ in seen(self.seen)] if looking else []
        return _Flows(self, network, layers, times, images)


class _Overriding(AtWork):
    """Chains over so many tensors or parts, which are refreshed at some times."""

    def __init__(self, how: OverrideStep, count: int, times: list[int]) -> None:
        names = ", ".join(str(kind.__struct_config__.tag) for kind in how.chain)
        self._told = f"{count} times an override of {how.of}: {names}"
        self._times = set(times)
        if how.of in (*HELD, "input", "output"):
            self.last_change = times[0] if all(once(kind) for kind in how.chain) else times[-1]

    def told(self) -> str:
        return self._told

    def finished(self, network: nn.Module) -> nn.Module:
        leave(network)
        return network


class _Tensors(_Overriding):
    """Over what layers hold."""

    def __init__(
        self, how: OverrideStep, network: nn.Module, tensors: Tensors, times: list[int]
    ) -> None:
        super().__init__(how, len(tensors), times)
        self._begin, self._step = times[0], -1
        self._placed: list[tuple[str, nn.Parameter, list[nn.Module], Chain]] = []
        for layer, own in tensors:
            below = dict(own_parameters(network.get_submodule(layer)))[own]
            chain, before = over_tensor(network, layer, own, how.chain)
            self._placed.append((f"{layer}.{own}", below, before, chain))

    def before(self, step: int) -> None:
        self._step = step
        for name, below, before, chain in self._placed:
            chain.draw(step, name)
            if step in self._times:
                with torch.no_grad():
                    chain.refresh(_through(before, below))

    def penalty(self, x: Tensor, logits: Tensor, judge: Judge) -> Tensor | None:
        if self._step < self._begin:
            return None
        each = (chain.penalty(_through(before, below)) for _, below, before, chain in self._placed)
        found = [one for one in each if one is not None]
        return torch.stack(found).sum() if found else None


class _Slopes(_Overriding):
    """Over the slopes of what layers hold."""

    def __init__(
        self, how: OverrideStep, network: nn.Module, tensors: Tensors, times: list[int]
    ) -> None:
        super().__init__(how, len(tensors), times)
        self._placed: list[tuple[str, nn.Parameter, Chain]] = []
        for layer, own in tensors:
            below = dict(own_parameters(network.get_submodule(layer)))[own]
            chain = over_slope(network, layer, own, how.chain)
            self._placed.append((f"the slopes of {layer}.{own}", below, chain))
        self._due = False

    def before(self, step: int) -> None:
        self._due = self._due or step in self._times
        for name, _, chain in self._placed:
            chain.draw(step, name)

    @torch.no_grad()
    def gradients(self) -> None:
        found = [(below.grad, chain) for _, below, chain in self._placed if below.grad is not None]
        # Where fp16 overflows the step is not taken; then the next one shows what to choose by.
        due = self._due and all(bool(slope.isfinite().all()) for slope, _ in found)
        for slope, chain in found:
            if due:
                chain.refresh(slope)
            slope.copy_(chain(slope))
        self._due = self._due and not due


class _Flows(_Overriding):
    """Over what flows through layers."""

    def __init__(
        self,
        how: OverrideStep,
        network: nn.Module,
        layers: list[str],
        times: list[int],
        images: list[Tensor],
    ) -> None:
        super().__init__(how, len(layers), times)
        self._network, self._images = network, images
        self._chains = [over_flow(network, layer, how.of, how.chain) for layer in layers]

    @torch.no_grad()
    def before(self, step: int) -> None:
        if step not in self._times:
            return
        if not self._images:
            for chain in self._chains:
                chain.on.fill_(True)
            return
        for chain in self._chains:
            chain.due = True
        with in_eval_mode(self._network):
            self._network(torch.cat(self._images))


def _through(before: Sequence[nn.Module], x: Tensor) -> Tensor:
    """x as what stands before a chain makes it."""
    for one in before:
        x = one(x)
    return x
