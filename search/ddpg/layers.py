"""What the agent is told of a layer: its shape, and the bits that it may have."""

from msgspec import Struct

from proxyless_nas.layer import Layer


class BitLayer(Struct, frozen=True):
    """A layer as HAQ describes it, and its options in the order of its row of prices."""

    inputs: int
    """Channels that come in."""
    outputs: int
    """Channels that go out."""
    kernel: int
    stride: int
    """0 for a linear layer."""
    feature: int
    """Pixels of an incoming feature map."""
    weights: int
    depthwise: bool
    bits: tuple[tuple[int, int], ...]
    """(weight bits, activation bits) of every option."""

    @staticmethod
    def of(layer: Layer, bits: tuple[tuple[int, int], ...]) -> "BitLayer":
        """The description of a layer with these options."""
        return BitLayer(
            inputs=layer.input.channels,
            outputs=layer.output.channels,
            kernel=layer.kernel,
            stride=layer.stride if layer.kind == "conv" else 0,
            feature=layer.input.height * layer.input.width,
            weights=layer.weights,
            depthwise=layer.groups == layer.input.channels > 1,
            bits=bits,
        )
