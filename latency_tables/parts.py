"""What an entry of a table prices: a block or one layer of a block, named by a readable key."""

from collections.abc import Iterable, Iterator
from functools import lru_cache

from msgspec import Struct

from latency_tables.head import Granularity
from latency_tables.layers import LayerPart, is_layer_key, layer_parts, parse_layer
from latency_tables.model import Model
from latency_tables.signature import Placed, parse_signature, signature
from proxyless_nas.blocks import AnyBlock, BatchNorm, Skip
from proxyless_nas.layer import FLOAT_BYTES, Layer, Shape
from proxyless_nas.seeds import seeded


class BlockPart(Struct, frozen=True):
    """A whole block on its input."""

    block: AnyBlock
    shape: Shape

    @property
    def key(self) -> str:
        """Its name in a table."""
        return signature(self.block, self.shape)

    @property
    def input(self) -> Shape:
        """What it is called with, without the batch."""
        return self.shape

    @property
    def macs(self) -> int:
        """Multiply-accumulates for one image."""
        return sum(layer.macs for layer in self.block.layers("", self.shape))

    @property
    def weight_bytes(self) -> int:
        """Bytes of float32 weights and biases after batch norm has been folded away."""
        return bytes_in_float(self.block.layers("", self.shape))

    def model(self, batch: int = 1) -> Model:
        """What a runtime runs. Its weights are random, from a fixed seed."""
        return block_model((self.block, self.shape), batch)


AnyPart = BlockPart | LayerPart


@lru_cache(maxsize=8192)
def parts_of(block: AnyBlock, shape: Shape, granularity: Granularity) -> tuple[AnyPart, ...]:
    """What a table must hold to price `block`: nothing for a skip, one part or its layers."""
    if isinstance(block, Skip):
        return ()
    if granularity == "block":
        return (BlockPart(block, shape),)
    return layer_parts(block.build(shape, BatchNorm()), shape)


def different_parts(placed: Iterable[Placed], granularity: Granularity) -> dict[str, AnyPart]:
    """Every different part of some blocks, by key."""
    return {part.key: part for pair in placed for part in parts_of(*pair, granularity)}


def parse_part(key: str) -> AnyPart:
    """The part that a table's key names; ValueError where it names none."""
    return parse_layer(key) if is_layer_key(key) else BlockPart(*parse_signature(key))


def block_model(placed: Placed, batch: int = 1) -> Model:
    """A block with random weights from a fixed seed."""
    block, shape = placed

    def build():
        with seeded(0):
            return block.build(shape, BatchNorm())

    return Model(signature(block, shape), build, shape, batch)


def bytes_in_float(layers: Iterable[Layer]) -> int:
    """Bytes of float32 weights, with one bias per output channel where a norm was folded."""
    return FLOAT_BYTES * sum(
        layer.weights + layer.output.channels * int(layer.bias or layer.norm) for layer in layers
    )


def keys_of(placed: Iterable[Placed], granularity: Granularity) -> Iterator[str]:
    """The keys of all parts of some blocks, with repetitions."""
    return (part.key for pair in placed for part in parts_of(*pair, granularity))
