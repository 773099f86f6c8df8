"""What a dialect is: keys that name blocks, prices beside them, and a file that holds both."""

import math
from collections.abc import Mapping
from typing import Literal, Protocol

from msgspec import Struct

from latency_tables.signature import Placed, signature
from proxyless_nas.blocks import AnyBlock
from proxyless_nas.layer import Shape

DialectName = Literal["proxyless", "ofa", "csv"]


class Price(Struct, frozen=True):
    """What a file says of one key; None is what it does not say."""

    mean_ms: float
    std_ms: float | None = None
    count: int | None = None


class Dialect(Protocol):
    """One way to write a latency table. A new one is a new file, and a line in `DIALECTS`."""

    @property
    def name(self) -> DialectName:
        """The word for it on a command line."""
        ...

    def read(self, text: str) -> dict[str, Price]:
        """The prices in a file, by key; ValueError where it is not written in this way."""
        ...

    def write(self, prices: Mapping[str, Price]) -> str:
        """A file that `read` reads back; what a price does not know is left out."""
        ...

    def block(self, key: str) -> Placed:
        """The block and its input; ValueError says why no block of ours is meant."""
        ...

    def spell(self, block: AnyBlock, shape: Shape) -> str:
        """A key for the block, perhaps one that says too little; ValueError where there is none."""
        ...


def key_of(dialect: Dialect, block: AnyBlock, shape: Shape) -> str:
    """The key of exactly this block on this input; ValueError where the dialect has none."""
    key = dialect.spell(block, shape)
    meant = signature(block, shape)
    try:
        read = signature(*dialect.block(key))
    except ValueError as error:
        raise ValueError(f"as {key} it could not be read back: {error}") from error
    if read != meant:
        raise ValueError(f"as {key} it would be read as {read}")
    return key


def sides(text: str) -> tuple[int, ...]:
    """`112x112x32` as numbers."""
    return tuple(int(side) for side in text.split("x"))


def written(shape: Shape) -> str:
    """Height, width, channels: the order in which all dialects write a shape."""
    return f"{shape.height}x{shape.width}x{shape.channels}"


def shape_of(text: str) -> Shape:
    """The shape of `112x112x32`; ValueError where it has not three sides."""
    numbers = sides(text)
    if len(numbers) != 3:
        raise ValueError(f"{text} is no height x width x channels")
    height, width, channels = numbers
    return Shape(channels, height, width)


def check_output(block: AnyBlock, shape: Shape, stride: int, output: Shape) -> None:
    """ValueError unless a key's output is what the block makes of its input.

    Odd sides are halved to either neighbour: convolutions here and in Once-for-All round up, the
    program of ProxylessNAS rounds down when it asks for a key. The convolution meant is the same.
    """
    if stride < 1:
        raise ValueError(f"its stride is {stride}")
    made = block.output(shape)
    down = Shape(made.channels, max(shape.height // stride, 1), max(shape.width // stride, 1))
    if output not in (made, down):
        raise ValueError(f"its output is {written(output)}, that of our block {written(made)}")


def stride_between(shape: Shape, output: Shape) -> int:
    """The smallest stride that leads from one map to the other."""
    return math.ceil(shape.height / output.height)


def time_ms(value: object, key: str) -> float:
    """A time that a file gives; ValueError unless it is a number above 0."""
    number = _number(value)
    if number is None or not 0 < number < math.inf:
        raise ValueError(f"{key}: {value!r} is not a time above 0")
    return number


def spread(value: object, key: str) -> float:
    """A variance or deviation that a file gives; ValueError unless it is a number, 0 or more."""
    number = _number(value)
    if number is None or not 0 <= number < math.inf:
        raise ValueError(f"{key}: {value!r} is no spread")
    return number


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except ValueError:
        return None
