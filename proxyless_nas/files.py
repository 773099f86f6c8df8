"""Read and write files so that nothing is half-written and every error names its cure."""

import contextlib
import difflib
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import yaml

T = TypeVar("T")


@contextlib.contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """An empty file beside `path`, to be filled; it takes the place of `path` when the block ends.

    Readers see the old file or the new one, even after a crash. After an error, Ctrl-C included,
    the old file is untouched and the new one is gone.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "rb") as file:
            yield temporary
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_bytes(path: str | Path, data: bytes) -> None:
    """Replace `path` in one step: readers see the old file or the new one, even after a crash."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def write_json(path: str | Path, value: Any) -> None:
    """Write a struct as indented JSON, atomically."""
    write_bytes(path, msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")


def read_json(path: str | Path, kind: type[T]) -> T:
    """Decode `path` as `kind`.

    Raises FileNotFoundError when the file is missing and ValueError when it is not what it
    should be; both messages name the file, an unknown key also names the nearest known one.
    """
    try:
        data = Path(path).read_bytes()
    except FileNotFoundError:
        raise FileNotFoundError(f"no file {path}") from None
    return decode_json(data, kind, path)


def decode_json(data: bytes, kind: type[T], path: str | Path) -> T:
    """Decode the content of `path`; the ValueError is that of `read_json`."""
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, ValueError) as error:
        hint = _nearest_key(str(error), kind)
        reason = _with_plain_place(str(error))
        raise ValueError(f"{path} is not a valid {kind.__name__}: {reason}{hint}") from error


def read_yaml(path: str | Path, kind: type[T]) -> T:
    """Decode a YAML file; errors are those of `read_json`."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise FileNotFoundError(f"no file {path}") from None
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"{path} is not a valid {kind.__name__}: {reason}") from error
    try:
        data = msgspec.json.encode(content)
    except TypeError as error:
        raise ValueError(
            f"{path} is not a valid {kind.__name__}: a key is not a word (in YAML on, off, yes and "
            "no mean true and false, unless they are quoted)"
        ) from error
    return decode_json(data, kind, path)


def did_you_mean(word: str, known: list[str]) -> str:
    """` (did you mean X?)`, or nothing when no known word is near."""
    near = difflib.get_close_matches(word, known, n=1)
    return f" (did you mean {near[0]}?)" if near else ""


def _with_plain_place(message: str) -> str:
    """`... - at `$.blocks[3].kind`` as `... at blocks.3.kind`, as modules are named."""
    what, _, place = message.partition(" - at `$")
    plain = re.sub(r"\[(\w+|\.\.\.)\]", r".\1", place.removesuffix("`")).removeprefix(".")
    return f"{what} at {plain}" if plain else what


def _nearest_key(message: str, kind: type) -> str:
    unknown = re.search(r"unknown field `([^`]*)`", message)
    if unknown is None:
        return ""
    known: set[str] = set()
    _collect_fields(msgspec.inspect.type_info(kind), known, set())
    return did_you_mean(unknown.group(1), sorted(known))


def _collect_fields(info: Any, names: set[str], seen: set[type]) -> None:
    if isinstance(info, msgspec.inspect.StructType):
        if info.cls in seen:
            return
        seen.add(info.cls)
        for field in info.fields:
            names.add(field.encode_name)
            _collect_fields(field.type, names, seen)
    for part in (
        *getattr(info, "types", ()),
        getattr(info, "item_type", None),
        getattr(info, "value_type", None),
        *getattr(info, "item_types", ()),
    ):
        if part is not None:
            _collect_fields(part, names, seen)
