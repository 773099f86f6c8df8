"""Parameters of a layer by the names that its code has for them, whatever stands before them."""

from collections.abc import Iterator

from torch import nn
from torch.nn.utils.parametrize import ParametrizationList


def own_parameters(part: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    """(name, parameter) of a layer itself, not of parts below it.

    What a parametrization keeps below a tensor is the layer's, under the tensor's name.
    """
    if isinstance(part, ParametrizationList):
        return
    yield from part.named_parameters(recurse=False)
    for own, chain in getattr(part, "parametrizations", {}).items():
        for _, parameter in chain.named_parameters(recurse=False):
            yield own, parameter
