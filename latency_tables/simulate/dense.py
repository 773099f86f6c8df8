"""A layer as the dense products that an array can compute: groups one by one, or several as one."""

from collections.abc import Iterator

from msgspec import Struct

from proxyless_nas.layer import Layer


class Dense(Struct, frozen=True):
    """`times` products of the same size, each from `inputs` to `outputs` channels."""

    times: int
    inputs: int
    outputs: int


def dense_parts(layer: Layer, together: int) -> Iterator[Dense]:
    """The products of one image. Of a depthwise convolution `together` groups are one product.

    Its matrix is zero between different groups. Any other convolution has one product per group.
    """
    inputs = layer.input.channels // layer.groups
    outputs = layer.output.channels // layer.groups
    most = together if is_depthwise(layer) else 1
    whole, rest = divmod(layer.groups, most)
    for times, groups in ((whole, most), (1, rest)):
        if times and groups:
            yield Dense(times, groups * inputs, groups * outputs)


def is_depthwise(layer: Layer) -> bool:
    """Whether every input channel is a group."""
    return 1 < layer.groups == layer.input.channels


def kernel_area(layer: Layer) -> int:
    """Positions of its window."""
    return layer.kernel * (layer.kernel_width or layer.kernel)


def positions(layer: Layer) -> int:
    """Of its output, for one image."""
    return layer.output.height * layer.output.width


def ceil_div(number: int, by: int) -> int:
    """The quotient, rounded up."""
    return -(-number // by)
