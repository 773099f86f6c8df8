"""Which colour an entry has in a chart, and what people call it there."""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from latency_tables.parts import AnyPart, BlockPart
from proxyless_nas.blocks import Classifier, Conv, MBConv
from proxyless_nas.drawing.palette import FILLS, classes_of
from proxyless_nas.drawing.svg import Mark, disc, ring
from proxyless_nas.naming import expansion_of, label_of

OTHERS = "other blocks"


class Kind(Struct, frozen=True):
    """A group of entries that look alike in a chart."""

    name: str
    class_: str
    mark: Mark


def kinds_of(parts: Sequence[AnyPart]) -> list[Kind]:
    """One kind per entry: kernel and expansion of an inverted bottleneck, the operation of a layer.

    There are as many colours as can be told apart; whatever comes after them shares a grey ring.
    """
    groups = sorted({group for part in parts if (group := _group(part)) is not None})[: len(FILLS)]
    colours = classes_of(name for _, name in groups)
    return [_kind(_group(part), colours) for part in parts]


def legend_of(kinds: Iterable[Kind]) -> list[tuple[Mark, str, str]]:
    """Mark, class and name of every different kind, in order of name; the others come last."""
    different = sorted(set(kinds), key=lambda kind: (kind.name == OTHERS, kind.class_, kind.name))
    return [(kind.mark, kind.class_, kind.name) for kind in different]


def name_of(part: AnyPart) -> str:
    """What an entry is called beside its bar: `MBConv e6 k3, 24 at 56x56 to 40 at 28x28`."""
    if not isinstance(part, BlockPart):
        return part.key.removeprefix("layer.")
    block, shape = part.block, part.shape
    output = block.output(shape)
    before = f"{shape.channels} at {shape.height}x{shape.width}"
    if isinstance(block, Classifier):
        return f"{label_of(block, shape)}, {before} to {output.channels}"
    after = f"{output.channels}"
    if (output.height, output.width) != (shape.height, shape.width):
        after += f" at {output.height}x{output.width}"
    return f"{label_of(block, shape)}, {before} to {after}{_extras(block)}"


def note_of(part: AnyPart) -> str | None:
    """A few words beside the mark of an entry that is no inverted bottleneck."""
    if not isinstance(part, BlockPart) or isinstance(part.block, MBConv):
        return None
    return label_of(part.block, part.shape)


def _extras(block: object) -> str:
    if not isinstance(block, MBConv | Conv):
        return ""
    gate = ", squeezed" if isinstance(block, MBConv) and block.squeeze is not None else ""
    return gate if block.activation == "relu6" else f"{gate}, {block.activation}"


def _group(part: AnyPart) -> tuple[tuple[float, ...], str] | None:
    """What sorts a group, and its name; None for the others."""
    if not isinstance(part, BlockPart):
        return (), "depthwise" if part.kind == "conv" and part.groups > 1 else part.kind
    block = part.block
    if not isinstance(block, MBConv) or block.mid is None:
        return None
    expansion = round(expansion_of(block, part.shape))
    return (block.kernel, expansion), f"kernel {block.kernel}, expansion {expansion}"


def _kind(group: tuple[tuple[float, ...], str] | None, colours: dict[str, str]) -> Kind:
    if group is None or group[1] not in colours:
        return Kind(OTHERS, "random", ring)
    return Kind(group[1], colours[group[1]], disc)
