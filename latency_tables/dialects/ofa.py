"""The dialect of Once-for-All's tables for its MobileNetV3 space: expansions are channels."""

from collections.abc import Mapping

from latency_tables.dialects.base import DialectName, Price, written
from latency_tables.dialects.yaml_keys import (
    fits,
    flag,
    numbers_of,
    outer_block,
    parse,
    spell_outer,
)
from latency_tables.dialects.yaml_text import read_yaml, write_yaml
from latency_tables.signature import Placed
from proxyless_nas.blocks import AnyBlock, MBConv
from proxyless_nas.layer import Shape
from proxyless_nas.upstream.format import squeezed

STRANGERS = {
    "AvgPool2D": "a pooling by itself; our classifier pools, and no block of ours only does that",
    "Conv_2": "a convolution behind the pooling; no block of ours stands there",
}


class OnceForAll:
    """`expanded_conv-..-expand:CHANNELS-kernel:..-stride:..-idskip:0|1-se:0|1-hs:0|1`.

    `hs:1` is h-swish and `hs:0` is ReLU, as in MobileNetV3; the outer convolutions are h-swish.
    Once-for-All's tables for its ProxylessNAS space are in the dialect `proxyless`.
    """

    name: DialectName = "ofa"

    def read(self, text: str) -> dict[str, Price]:
        return read_yaml(text)

    def write(self, prices: Mapping[str, Price]) -> str:
        return write_yaml(prices, "std")

    def block(self, key: str) -> Placed:
        read = parse(key)
        if read.kind in STRANGERS:
            raise ValueError(STRANGERS[read.kind])
        if read.kind != "expanded_conv":
            return outer_block(read, "hswish")
        mid, kernel, stride, skip, se, hs = numbers_of(
            read, "expand", "kernel", "stride", "idskip", "se", "hs"
        )
        block = MBConv(
            read.output[-1],
            None if mid == read.input.channels else mid,
            kernel,
            stride,
            flag("idskip", skip),
            "hswish" if flag("hs", hs) else "relu",
            squeezed(mid) if flag("se", se) else None,
        )
        return fits(block, stride, read)

    def spell(self, block: AnyBlock, shape: Shape) -> str:
        if not isinstance(block, MBConv):
            return spell_outer(block, shape)
        if block.activation not in ("hswish", "relu"):
            raise ValueError(
                f"its activations are h-swish and ReLU, not {block.activation} (the dialect "
                "proxyless has ReLU6)"
            )
        return (
            f"expanded_conv-input:{written(shape)}-output:{written(block.output(shape))}"
            f"-expand:{block.mid or shape.channels}-kernel:{block.kernel}-stride:{block.stride}"
            f"-idskip:{int(block.residual)}-se:{int(block.squeeze is not None)}"
            f"-hs:{int(block.activation == 'hswish')}"
        )
