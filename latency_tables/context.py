"""See a part as a network does: as what it adds behind something that hands it its input.

A part that is timed alone pays for its borders. With int8 they are dear: alone, its input must be
quantised and its output turned back into floats, which a network does once. So the part is timed
behind a plain 1x1 convolution of its input's shape, that convolution is timed without it, and the
entry is the difference. What remains of the borders (the last conversion is now one of the output's
size instead of the input's) cancels along a network, where each part's output is the next one's
input. It is the same for all parts that could stand at one place, and may make the entry of a part
whose output is much smaller than its input come out below nothing.
"""

from collections.abc import Iterable
from typing import Any

from torch import nn

from latency_tables.model import Model
from latency_tables.parts import AnyPart, block_model
from proxyless_nas.blocks import BatchNorm, Conv
from proxyless_nas.layer import Shape
from proxyless_nas.seeds import seeded

BEFORE = "before."


def before_key(shape: Shape) -> str:
    """The key of the convolution that hands on a map of this shape."""
    return f"{BEFORE}{shape}"


def before_models(parts: Iterable[AnyPart], batch: int) -> dict[str, Model]:
    """The convolutions that stand before some parts, by key."""
    shapes = {part.input for part in parts}
    return {before_key(shape): block_model((_before(shape), shape), batch) for shape in shapes}


def in_context(part: AnyPart, batch: int) -> Model:
    """The part behind its convolution."""
    alone = part.model(batch)

    def build() -> nn.Module:
        with seeded(0):
            before = _before(part.input).build(part.input, BatchNorm())
        return nn.Sequential(before, alone.module)

    return Model(part.key, build, part.input, batch)


def _before(shape: Shape) -> Any:
    return Conv(shape.channels, activation="none")
