"""Let a quantized network answer as it did, on average: biases that take over what was shifted."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from compression.quantizers.place import quantization_of
from proxyless_nas.counting import in_eval_mode
from proxyless_nas.hooks import hooked


@torch.no_grad()
def correct_biases(network: nn.Module, whole: nn.Module, images: Tensor) -> float:
    """Add to the bias of each quantized layer what its output lost on average, channel by channel.

    `whole` is the same network in float; both see `images` [B, C, H, W]. Layers are mended in the
    order in which images pass, each behind those that are mended already (Nagel et al. 2019,
    section 4.2, on images). The largest correction, relative to the deviation of its channel.
    ValueError for a layer without a bias: fold its batch norm.
    """
    names = list(quantization_of(network).layers)
    for name in names:
        if getattr(network.get_submodule(name), "bias", None) is None:
            raise ValueError(f"{name} has no bias to correct: fold the batch norm behind it")
    expected: dict[str, tuple[Tensor, Tensor]] = {}
    worst = [0.0]

    def note(name: str) -> Any:
        def called(part: nn.Module, inputs: Sequence[Tensor], output: Tensor) -> None:
            expected[name] = _mean(output), _deviation(output)

        return called

    def mend(name: str) -> Any:
        def called(part: Any, inputs: Sequence[Tensor], output: Tensor) -> Tensor:
            mean, deviation = expected[name]
            lost = mean - _mean(output)
            part.bias.add_(lost)
            worst[0] = max(worst[0], float((lost.abs() / deviation.clamp(min=1e-12)).max()))
            return output + (lost[:, None, None] if output.dim() == 4 else lost)

        return called

    _watched(whole, names, note, images)
    _watched(network, names, mend, images)
    return worst[0]


def _watched(network: nn.Module, names: Sequence[str], hook: Any, images: Tensor) -> None:
    handles = [network.get_submodule(name).register_forward_hook(hook(name)) for name in names]
    with hooked(handles), in_eval_mode(network):
        network(images)


def _mean(output: Tensor) -> Tensor:
    """[channels]."""
    return output.mean(dim=(0, 2, 3)) if output.dim() == 4 else output.flatten(0, -2).mean(dim=0)


def _deviation(output: Tensor) -> Tensor:
    """[channels]."""
    return output.std(dim=(0, 2, 3)) if output.dim() == 4 else output.flatten(0, -2).std(dim=0)
