"""Put another module in the place of one, wherever that stands in a network."""

from torch import nn


def put(network: nn.Module, layer: nn.Module, made: nn.Module) -> None:
    """`made` stands wherever `layer` stood below `network`."""
    for part in list(network.modules()):
        for own, child in list(part._modules.items()):
            if child is layer:
                setattr(part, own, made)
