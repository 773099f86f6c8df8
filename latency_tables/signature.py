"""The name of a block in a table: readable, made from the block's own fields, and back again."""

import re
from typing import get_args

import msgspec

from proxyless_nas.blocks import AnyBlock
from proxyless_nas.layer import Shape

Placed = tuple[AnyBlock, Shape]
PART = re.compile(r"([a-z_]+?)(?:=(.+)|(\d+))?")


def signature(block: AnyBlock, shape: Shape) -> str:
    """For example `mbconv-in24x7x7-out24-mid144-kernel3-stride1-residual`.

    Numbers stand behind their field, a true flag is its field's name, the words of a tuple are
    joined with dots; false, None and a word that is its field's default are left out. Fractions
    are left out as well: a rate (dropout) acts in training only, and two blocks that differ in
    nothing else are one entry.
    """
    parts = [_kind(type(block)), f"in{shape}"]
    for info in msgspec.structs.fields(type(block)):
        field, value = info.name, getattr(block, info.name)
        if value is None or value is False or isinstance(value, float):
            continue
        if isinstance(value, str) and value == info.default:
            continue
        if value is True:
            parts.append(field)
        elif isinstance(value, int):
            parts.append(f"{field}{value}")
        elif isinstance(value, str) and not set("-.") & set(value):
            parts.append(f"{field}={value}")
        elif isinstance(value, tuple) and len(value) > 1 and not set("-.") & set("".join(value)):
            parts.append(f"{field}={'.'.join(value)}")
        else:
            raise ValueError(f"{parts[0]}.{field} = {value!r} cannot be part of a table's key")
    return "-".join(parts)


def parse_signature(text: str) -> Placed:
    """The block and the input shape of a signature; left-out fractions get their default."""
    kind, *parts = text.split("-")
    known = {_kind(cls): cls for cls in get_args(AnyBlock)}
    if kind not in known or not parts or not re.fullmatch(r"in\d+x\d+x\d+", parts[0]):
        raise ValueError(f"{text!r} names no block; kinds: {', '.join(known)}")
    shape = Shape(*(int(side) for side in parts[0][2:].split("x")))
    values = _left_out(known[kind])
    for part in parts[1:]:
        match = PART.fullmatch(part)
        if match is None:
            raise ValueError(f"{text!r}: cannot read {part!r}")
        name, word, number = match.groups()
        if word is not None:
            values[name] = tuple(word.split(".")) if "." in word else word
        else:
            values[name] = int(number) if number is not None else True
    try:
        return msgspec.convert({"kind": kind, **values}, type=known[kind]), shape
    except msgspec.ValidationError as error:
        raise ValueError(f"{text!r} names no block: {error}") from error


def _left_out(cls: type) -> dict[str, object]:
    """What a field means whose name is not in the signature: false, or None."""
    values: dict[str, object] = {}
    for field in msgspec.structs.fields(cls):
        if field.type is bool:
            values[field.name] = False
        elif type(None) in get_args(field.type):
            values[field.name] = None
    return values


def _kind(cls: type) -> str:
    return str(cls.__struct_config__.tag)  # type: ignore[attr-defined]
