"""What flows into layers: a sample of the numbers, and whether some lie below zero."""

from collections.abc import Iterable, Sequence

import torch
from msgspec import Struct
from torch import Tensor, nn

from proxyless_nas.counting import in_eval_mode
from proxyless_nas.hooks import hooked

MOST = 2**17
"""Numbers that are kept per layer."""


class Sample(Struct, frozen=True, eq=False):
    """Numbers [n] that flowed into a layer, its least and its largest among them."""

    values: Tensor

    @property
    def signed(self) -> bool:
        """Whether some were below zero."""
        return bool(self.values.min() < 0)

    @classmethod
    def blank(cls, signed: bool) -> "Sample":
        """Where all that is asked is the sign."""
        return cls(torch.tensor([-1.0 if signed else 0.0, 1.0]))


@torch.no_grad()
def observe(
    network: nn.Module, layers: Sequence[str], batches: Iterable[tuple[Tensor, Tensor]]
) -> dict[str, Sample]:
    """By layer, a sample of its input over `batches` ([B, C, H, W], labels), in eval mode.

    Of every batch an equal part is drawn, the same numbers whenever it is asked.
    ValueError for a layer that nothing flows into, or for numbers that are not finite.
    """
    found: dict[str, list[Tensor]] = {name: [] for name in layers}
    every = list(batches)
    share = max(2, MOST // max(len(every), 1))
    chance = torch.Generator().manual_seed(0)

    def watch(name: str) -> torch.utils.hooks.RemovableHandle:
        def called(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            numbers = inputs[0].detach().reshape(-1)
            ends = torch.stack([numbers.min(), numbers.max()])
            if len(numbers) > share:
                drawn = torch.randint(len(numbers), (share,), generator=chance)
                numbers = numbers[drawn.to(numbers.device)]
            found[name].append(torch.cat([numbers, ends]).float())

        return network.get_submodule(name).register_forward_pre_hook(called)

    handles = [watch(name) for name in layers]
    with hooked(handles), in_eval_mode(network):
        for x, _ in every:
            network(x)
    for name, parts in found.items():
        if not parts:
            raise ValueError(f"nothing flows into {name}: exclude it")
        if not all(part.isfinite().all() for part in parts):
            raise ValueError(f"what flows into {name} is not finite")
    return {name: Sample(torch.cat(parts)) for name, parts in found.items()}
