"""Put chains of overriders into a network, find them there, and leave what is needed of them."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from compression.masks import drop_refill, refill_on_call
from compression.masks.mask import have_own_class
from compression.overriders.base import FLOWS, Of
from compression.overriders.chain import Chain
from compression.overriders.kinds import AnyOverrider
from compression.selectors import must_stand_alone
from proxyless_nas.counting import in_eval_mode
from proxyless_nas.hooks import hooked
from proxyless_nas.parameters import own_parameters

HELD_BY = "overriders"
"""What layers call the chains over what flows through them, and over slopes."""


def over_tensor(
    network: nn.Module, layer: str, own: str, kinds: Sequence[AnyOverrider]
) -> tuple[Chain, list[nn.Module]]:
    """Let a chain stand over the tensor `own` of a layer; and what stands before it there.

    ValueError where the tensor is shared, or overridden already, or where a kind does not fit.
    """
    must_stand_alone(network, layer, own)
    part = network.get_submodule(layer)
    before = parametrizations_of(part, own)
    if any(isinstance(one, Chain) for one in before):
        raise _twice(f"{layer}.{own}")
    value = getattr(part, own)
    chain = Chain(kinds, value.detach()).to(value.device)
    parametrize.register_parametrization(part, own, chain, unsafe=False)
    refill_on_call(part)
    return chain, before


def over_slope(network: nn.Module, layer: str, own: str, kinds: Sequence[AnyOverrider]) -> Chain:
    """A chain for the slopes of the tensor `own` of a layer; nobody calls it yet.

    ValueError where there is one, or where a kind does not fit.
    """
    part = network.get_submodule(layer)
    below = dict(own_parameters(part))[own]
    return _held(part, layer, f"{own}-gradient", kinds, below.detach(), below.device)


def over_flow(network: nn.Module, layer: str, of: Of, kinds: Sequence[AnyOverrider]) -> Chain:
    """Let a chain stand over the `input` or `output` of a part, or over the `error` of its output.

    ValueError where one stands there, or where a kind does not fit.
    """
    part = network.get_submodule(layer)
    device = next(network.parameters()).device
    chain = _held(part, layer, of, kinds, None, device)
    if of == "input":
        part.register_forward_pre_hook(_on_input)
    else:
        part.register_forward_hook(_on_output if of == "output" else _on_error)
    return chain


def _held(
    part: nn.Module,
    layer: str,
    key: str,
    kinds: Sequence[AnyOverrider],
    like: Tensor | None,
    device: torch.device,
) -> Chain:
    """A chain among those that a layer holds."""
    if key in _chains(part):
        raise _twice(f"the {key} of {layer}")
    chain = Chain(kinds, like).to(device)
    if HELD_BY not in part._modules:
        part.add_module(HELD_BY, nn.ModuleDict())
    _chains(part)[key] = chain
    return chain


@torch.no_grad()
def must_flow(network: nn.Module, layers: Sequence[str], x: Tensor) -> None:
    """ValueError for a part that takes, or answers with, anything but one tensor of floats.

    Neither can a chain stand over a row of parts, among which it would be one. `x` is what the
    network takes.
    """
    called = set[str]()
    for name in layers:
        part = network.get_submodule(name)
        if isinstance(part, nn.Sequential) and type(part).forward is nn.Sequential.forward:
            ends = dict.fromkeys((next(iter(part._modules), ""), next(reversed(part._modules), "")))
            told = " or ".join(f"{name}.{end}" for end in ends)
            raise ValueError(f"{name} is a row of parts: name the first or the last, {told}")

    def watch(name: str) -> Any:
        def check(_: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
            called.add(name)
            for what, one in (("takes", inputs[0] if inputs else None), ("answers with", output)):
                if not (isinstance(one, Tensor) and one.is_floating_point()):
                    raise ValueError(f"{name} {what} something else than a tensor of floats: "
                                     "exclude it")  # fmt: skip

        return check

    handles = [network.get_submodule(name).register_forward_hook(watch(name)) for name in layers]
    with hooked(handles), in_eval_mode(network):
        network(x)
    for name in layers:
        if name not in called:
            raise ValueError(f"nothing flows into {name}: exclude it")


def parametrizations_of(part: nn.Module, own: str) -> list[nn.Module]:
    """What stands over a tensor of a layer, in its order."""
    if not parametrize.is_parametrized(part, own):
        return []
    chain: Any = part.parametrizations[own]  # type: ignore[index]
    return list(chain)


def overridden_tensors(network: nn.Module) -> list[str]:
    """Names of the tensors over which a chain stands."""
    return [
        f"{name}.{own}".lstrip(".")
        for name, part in network.named_modules()
        for own in getattr(part, "parametrizations", {})
        if any(isinstance(one, Chain) for one in parametrizations_of(part, own))
    ]


def overridden_flows(network: nn.Module) -> list[str]:
    """Names of the parts that override what flows through them."""
    return [name for name, part in network.named_modules() if set(_chains(part)) & set(FLOWS)]


def overridden(network: nn.Module) -> bool:
    """Whether anything of a network is overridden."""
    held = any(_chains(part) for part in network.modules())
    return held or bool(overridden_tensors(network))


@torch.no_grad()
def leave(network: nn.Module) -> None:
    """Take all chains out of `network` itself, but for what they do to its answers.

    Tensors that layers hold become what the chains make of them. Over inputs and outputs the
    overriders stay, as they are by then; chains over slopes and errors go.
    """
    for part in list(network.modules()):
        for own in list(getattr(part, "parametrizations", {})):
            each = parametrizations_of(part, own)
            if any(isinstance(one, Chain) for one in each):
                for one in each:
                    one.eval()  # what is left is not left to chance
                have_own_class(part)
                parametrize.remove_parametrizations(part, own, leave_parametrized=True)
        drop_refill(part)
        chains = _chains(part)
        for key, chain in list(chains.items()):
            if key in ("input", "output"):
                if isinstance(chain, Chain):
                    chains[key] = nn.Sequential(*chain.each)
            else:
                del chains[key]
                for hook, called in list(part._forward_hooks.items()):
                    if key == "error" and called is _on_error:
                        del part._forward_hooks[hook]
        if HELD_BY in part._modules and not chains:
            delattr(part, HELD_BY)


def _chains(part: nn.Module) -> Any:
    """By what it stands over, each chain that a layer holds."""
    found = part._modules.get(HELD_BY)
    return found if isinstance(found, nn.ModuleDict) else {}


def _on_input(part: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return (_chains(part)["input"](inputs[0]), *inputs[1:])


def _on_output(part: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
    return _chains(part)["output"](output)


def _on_error(part: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
    if output.requires_grad:
        output.register_hook(_chains(part)["error"])


def _twice(what: str) -> ValueError:
    return ValueError(f"an earlier step overrides {what} already: write both into one chain, or "
                      "exclude it here")  # fmt: skip
