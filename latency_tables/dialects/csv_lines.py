"""The dialect of some PyTorch ports of ProxylessNAS: `latency.csv`, a key and a mean per line."""

import re
from collections.abc import Mapping

from latency_tables.dialects.base import (
    DialectName,
    Price,
    check_output,
    shape_of,
    time_ms,
    written,
)
from latency_tables.dialects.yaml_keys import STEM
from latency_tables.signature import Placed
from proxyless_nas.blocks import AnyBlock, Classifier, Conv, MBConv
from proxyless_nas.layer import Shape

MAP = r"(\d+x\d+x\d+)"
BLOCK = re.compile(rf"{MAP}-{MAP}-expand:(\d+)-kernel:(\d+)-stride:(\d+)")
CONV = re.compile(rf"{MAP}-{MAP}-stride:(\d+)")
LOGITS = re.compile(rf"{MAP}-(\d+)")


class CsvLines:
    """`112x112x16-56x56x24-expand:3-kernel:5-stride:2,7.52`; a ratio, as in `proxyless`.

    What is not written follows from the rest: a block has a shortcut where its shapes allow one, a
    convolution with a stride is the 3x3 stem and one without is 1x1, activations are ReLU6.
    """

    name: DialectName = "csv"

    def read(self, text: str) -> dict[str, Price]:
        prices: dict[str, Price] = {}
        for number, line in enumerate(text.splitlines(), 1):
            if not line.strip():
                continue
            key, comma, value = (part.strip() for part in line.partition(","))
            if not comma:
                raise ValueError(f"line {number} has no comma: {line[:60]!r}")
            if key in prices:
                raise ValueError(f"{key} stands there twice")
            prices[key] = Price(time_ms(value, key))
        if not prices:
            raise ValueError("it has no lines")
        return prices

    def write(self, prices: Mapping[str, Price]) -> str:
        return "".join(f"{key},{price.mean_ms!r}\n" for key, price in sorted(prices.items()))

    def block(self, key: str) -> Placed:
        if match := LOGITS.fullmatch(key):
            return Classifier(int(match[2])), shape_of(match[1])
        match = CONV.fullmatch(key)
        if match is not None:
            shape, output, stride = shape_of(match[1]), shape_of(match[2]), int(match[3])
            block = Conv(output.channels, 1 if stride == 1 else STEM, stride)
        elif match := BLOCK.fullmatch(key):
            shape, output = shape_of(match[1]), shape_of(match[2])
            ratio, kernel, stride = (int(number) for number in match.groups()[2:])
            mid = None if ratio == 1 else ratio * shape.channels
            residual = stride == 1 and shape == output
            block = MBConv(output.channels, mid, kernel, stride, residual)
        else:
            raise ValueError("it does not read HxWxC-HxWxC-expand:..-kernel:..-stride:..")
        check_output(block, shape, stride, output)
        return block, shape

    def spell(self, block: AnyBlock, shape: Shape) -> str:
        if isinstance(block, Classifier):
            return f"{written(shape)}-{block.classes}"
        if not isinstance(block, Conv | MBConv):
            raise ValueError(f"it has no word for a {type(block).__name__}")
        before, after = written(shape), written(block.output(shape))
        if isinstance(block, Conv):
            return f"{before}-{after}-stride:{block.stride}"
        ratio, rest = divmod(block.mid or shape.channels, shape.channels)
        if rest:
            raise ValueError(f"{block.mid} is no multiple of {shape.channels} channels")
        return f"{before}-{after}-expand:{ratio}-kernel:{block.kernel}-stride:{block.stride}"
