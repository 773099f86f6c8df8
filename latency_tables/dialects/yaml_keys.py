"""Keys like `expanded_conv-input:56x56x24-output:28x28x40-expand:3-kernel:5-stride:2-idskip:0`."""

import re

from msgspec import Struct

from latency_tables.dialects.base import (
    check_output,
    shape_of,
    sides,
    stride_between,
    written,
)
from latency_tables.signature import Placed
from proxyless_nas.blocks import AnyBlock, Classifier, Conv
from proxyless_nas.blocks.activation import Activation
from proxyless_nas.layer import Shape

KEY = re.compile(r"(\w+)-input:(\d+(?:x\d+)*)-output:(\d+(?:x\d+)*)((?:-[a-z]+:\d+)*)")
STEM = 3  # the kernel of `Conv`, which its key does not say


class Key(Struct, frozen=True):
    """A key, read but not yet understood."""

    kind: str
    input: Shape
    output: tuple[int, ...]
    numbers: dict[str, int]


def parse(text: str) -> Key:
    """The parts of a key; ValueError where it is none."""
    match = KEY.fullmatch(text)
    if match is None:
        raise ValueError("it does not read KIND-input:HxWxC-output:HxWxC")
    kind, before, after, rest = match.groups()
    pairs = [word.split(":") for word in rest.split("-")[1:]]
    numbers = {name: int(number) for name, number in pairs}
    return Key(kind, shape_of(before), sides(after), numbers)


def outer_block(key: Key, activation: Activation) -> Placed:
    """The stem `Conv`, the 1x1 `Conv_1`, or `Logits`; ValueError for any other kind."""
    if key.numbers:
        raise ValueError(f"{key.kind} with {', '.join(key.numbers)} is not known")
    if key.kind == "Logits":
        if len(key.output) != 1:
            raise ValueError("the output of Logits is one number, the classes")
        return Classifier(key.output[0]), key.input
    output = map_of(key)
    if key.kind == "Conv":
        stride = stride_between(key.input, output)
        block = Conv(output.channels, STEM, stride, activation)
    elif key.kind == "Conv_1":
        block = Conv(output.channels, 1, 1, activation)
    else:
        raise ValueError(f"the kind {key.kind} is not known")
    if block.output(key.input) != output:
        raise ValueError(f"no convolution leads from {written(key.input)} to {written(output)}")
    return block, key.input


def spell_outer(block: AnyBlock, shape: Shape) -> str:
    """The key of a stem, a 1x1 convolution or a classifier; ValueError for any other block."""
    if isinstance(block, Classifier):
        return f"Logits-input:{written(shape)}-output:{block.classes}"
    if isinstance(block, Conv):
        kind = "Conv_1" if block.kernel == 1 else "Conv"
        return f"{kind}-input:{written(shape)}-output:{written(block.output(shape))}"
    raise ValueError(f"it has no word for a {type(block).__name__}")


def map_of(key: Key) -> Shape:
    """The output of a key as a map; ValueError where it is none."""
    if len(key.output) != 3:
        raise ValueError("its output is no height x width x channels")
    height, width, channels = key.output
    return Shape(channels, height, width)


def numbers_of(key: Key, *names: str) -> tuple[int, ...]:
    """The numbers behind these names; ValueError unless they are all there, and no others."""
    if set(key.numbers) != set(names):
        have = ", ".join(key.numbers) or "nothing"
        raise ValueError(f"{key.kind} needs {', '.join(names)} and has {have}")
    return tuple(key.numbers[name] for name in names)


def flag(name: str, number: int) -> bool:
    """A number that is 0 or 1; ValueError for any other."""
    if number not in (0, 1):
        raise ValueError(f"{name} is {number}, not 0 or 1")
    return bool(number)


def fits(block: AnyBlock, stride: int, key: Key) -> Placed:
    """The block on the key's input; ValueError unless it makes the key's output."""
    check_output(block, key.input, stride, map_of(key))
    return block, key.input
