"""The formats of the original ProxylessNAS and its relatives: read them here, write them back.

Each of their networks has a class name; `READERS` says which of them can be read.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from proxyless_nas.network import NetworkSpec
from proxyless_nas.upstream.read import read_proxyless
from proxyless_nas.upstream.tree_read import read_pyramid

READERS: dict[str, Callable[[bytes, str | Path], NetworkSpec]] = {
    "ProxylessNASNets": read_proxyless,
    "PyramidTreeNet": read_pyramid,
}

__all__ = ["READERS", "is_original", "read_original"]


def is_original(data: bytes) -> bool:
    """Whether a file's content is a config of the original (or of a relative), not one of ours."""
    config = _decoded(data)
    return "stem" not in config and (config.get("name") in READERS or "first_conv" in config)


def read_original(data: bytes, path: str | Path) -> NetworkSpec:
    """The description that an original config stands for, named after the file.

    ValueError names the file, the place and the key of what our descriptions cannot say.
    """
    name = _decoded(data).get("name")
    if name not in READERS:
        raise ValueError(
            f"{path} describes a network of the class {name!r}; "
            f"classes that can be read: {', '.join(READERS)}"
        )
    return READERS[name](data, path)


def _decoded(data: bytes) -> dict[str, Any]:
    """The outermost object; empty for anything else, with no name that is not a word."""
    try:
        config = msgspec.json.decode(data)
    except msgspec.DecodeError:
        return {}
    if not isinstance(config, dict):
        return {}
    return config if isinstance(config.get("name"), str) else {**config, "name": None}
