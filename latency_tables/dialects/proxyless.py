"""The dialect of ProxylessNAS' `mobile_trim.yaml`: expansions are ratios, activations are ReLU6."""

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


class Proxyless:
    """`expanded_conv-input:..-output:..-expand:RATIO-kernel:..-stride:..-idskip:0|1`.

    The program that reads such files divides a side by the stride and rounds down; so do the keys
    that are written here, though the convolution itself rounds up.
    """

    name: DialectName = "proxyless"

    def read(self, text: str) -> dict[str, Price]:
        return read_yaml(text)

    def write(self, prices: Mapping[str, Price]) -> str:
        return write_yaml(prices, "var")

    def block(self, key: str) -> Placed:
        read = parse(key)
        if read.kind != "expanded_conv":
            return outer_block(read, "relu6")
        expand, kernel, stride, skip = numbers_of(read, "expand", "kernel", "stride", "idskip")
        mid = None if expand == 1 else expand * read.input.channels
        residual = flag("idskip", skip)
        return fits(MBConv(read.output[-1], mid, kernel, stride, residual), stride, read)

    def spell(self, block: AnyBlock, shape: Shape) -> str:
        if not isinstance(block, MBConv):
            return spell_outer(block, shape)
        ratio, rest = divmod(block.mid or shape.channels, shape.channels)
        if rest:
            raise ValueError(f"{block.mid} is no multiple of {shape.channels} channels")
        height, width = shape.height // block.stride, shape.width // block.stride
        return (
            f"expanded_conv-input:{written(shape)}-output:{height}x{width}x{block.out}"
            f"-expand:{ratio}-kernel:{block.kernel}-stride:{block.stride}"
            f"-idskip:{int(block.residual)}"
        )
