"""Give a trained network fewer bits without training it: what `quantize` and `do: round` do."""

from collections.abc import Mapping, Sequence
from copy import deepcopy

from torch import nn

from compression.quantizers.place import Asked, quantize
from compression.quantizers.reconstruct import Reconstruction, reconstruct
from training.datasets import Batch, images_in


def rounded(
    whole: nn.Module, asked: Mapping[str, Asked], seen: Sequence[Batch], steps: int = 0
) -> nn.Module:
    """A copy of `whole`, in eval mode, with the quantizers that each layer is asked for.

    Images that were `seen` say how far activations reach. With `steps` they also say, layer by
    layer, which weights are rounded up (AdaRound). Whoever asks for neither needs no images.
    """
    network = deepcopy(whole)
    quantize(network, asked, seen)
    if steps:
        reconstruct(network, whole, images_in(seen), Reconstruction(steps=steps))
    return network.eval()
