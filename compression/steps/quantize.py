"""The step that gives a network fewer bits while it learns: `do: quantize`."""

import torch
from torch import Tensor, nn

from compression.gates.place import must_be_ungated
from compression.masks import masks_of
from compression.quantizers.activations import Clipped
from compression.quantizers.place import Asked, input_quantizers, quantize
from compression.schedule import When
from compression.steps.base import AtWork
from compression.steps.bits import FewerBits
from proxyless_nas.layer import Shape
from training.companion import Judge, Seen
from training.plan import Plan


class QuantizeStep(FewerBits, frozen=True, tag="quantize"):
    """Weights, and what flows into layers, are rounded from the first step on; slopes pass.

    Ranges of activations are calibrated on `seen` training images before anything is learnt; where
    they do not learn, nor do ranges of weights, they stay: begin with trained weights. What is left
    is the network with its quantizers.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.when != When():
            raise ValueError("quantize works from the first step on: leave its `when` out")

    def begin(self, network: nn.Module, shape: Shape, plan: Plan, seen: Seen) -> AtWork:
        if masks_of(network, "channels"):
            raise ValueError("an earlier step removes channels: quantize in a training behind it")
        asked = self.asked(network, shape)
        must_be_ungated(network, "leave one of the two out")
        quantize(network, asked, () if self.activations is None else seen(self.seen))
        return _Rounding(network, asked)


class _Rounding(AtWork):
    """Quantizers in a network that learns."""

    def __init__(self, network: nn.Module, asked: dict[str, Asked]) -> None:
        self._layers = len(asked)
        each = (kind for one in asked.values() for kind in (one.weights, one.activations))
        self._bits = torch.tensor([0 if kind is None else kind.bits for kind in each])
        placed = input_quantizers(network)
        own = (placed[name] for name in asked if name in placed)
        self._clips = [one for one in own if isinstance(one, Clipped)]

    def before(self, step: int) -> None:
        pass

    def penalty(self, x: Tensor, logits: Tensor, judge: Judge) -> Tensor | None:
        return torch.stack([one.penalty() for one in self._clips]).sum() if self._clips else None

    def state(self) -> dict[str, Tensor]:
        return {"bits": self._bits}

    def restore(self, state: dict[str, Tensor]) -> None:
        if not torch.equal(state["bits"].cpu(), self._bits):
            raise ValueError("the training was begun with other bits: its policy has changed since")

    def told(self) -> str:
        return f"{self._layers} layers are quantized"
