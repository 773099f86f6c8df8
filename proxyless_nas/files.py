"""Read and write files so that nothing is half-written and every error names its cure."""

import contextlib
import difflib
import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")
AT = re.compile(r" - at (?:`key` in )?`\$([^`]*)`")
KEY = re.compile(r"\.([^.\[]+)|\[(\d+|\.\.\.)\]")
NAMED = re.compile(r"(unknown|required) field `([^`]*)`")


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
        found = Mistake.of(error, kind)
        at = f" at {'.'.join(found.keys)}" if found.keys else ""
        raise ValueError(f"{path} is not a valid {kind.__name__}: {found.what}{at}") from error


@dataclass(frozen=True)
class Mistake:
    """What is wrong in a struct that was decoded, and the keys from its top to there.

    `own` is the key of that part which is not known, or is missing.
    """

    what: str
    keys: tuple[str, ...]
    own: tuple[str, ...] = ()

    @classmethod
    def of(cls, error: Exception, kind: type) -> "Mistake":
        """From what msgspec says, or a check within it that says its own way: `at_key`."""
        keys = [
            name or index.replace("...", "*")
            for way in reversed(AT.findall(str(error)))
            for name, index in KEY.findall(way)
        ]
        what = AT.sub("", str(error))
        named = NAMED.search(what)
        if named is None:
            return cls(what, tuple(keys))
        hint = _nearest_key(named[2], kind) if named[1] == "unknown" else ""
        return cls(f"{what}{hint}", tuple(keys), (named[2],))


def at_key(key: str, error: Exception) -> ValueError:
    """What is wrong below a key, for a struct that decodes a part of itself when it is made."""
    return ValueError(f"{error} - at `$.{key}`")


def did_you_mean(word: str, known: list[str]) -> str:
    """` (did you mean X?)`, or nothing when no known word is near."""
    near = difflib.get_close_matches(word, known, n=1)
    return f" (did you mean {near[0]}?)" if near else ""


def _nearest_key(unknown: str, kind: type) -> str:
    known: set[str] = set()
    _collect_fields(msgspec.inspect.type_info(kind), known, set())
    return did_you_mean(unknown, sorted(known))


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
