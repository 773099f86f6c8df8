"""One door to descriptions: a published name or a file, ours or the original's."""

from pathlib import Path

from msgspec.structs import replace

from proxyless_nas.files import decode_json, did_you_mean
from proxyless_nas.network import NetworkSpec
from proxyless_nas.published import PUBLISHED, is_published, published_spec
from proxyless_nas.upstream import is_original, read_original


def load_spec(name_or_path: str) -> NetworkSpec:
    """The description of a published network, or the one in a file.

    A file is our JSON or a config of the original ProxylessNAS; its content tells, not its name.
    A network read from a config is named after the file, or keeps its published name.

    Raises FileNotFoundError when it is neither a name nor a file, and ValueError, with the file
    and the key, for what is wrong in it.
    """
    if is_published(name_or_path):
        return published_spec(name_or_path)
    path = Path(name_or_path)
    if not path.is_file():
        hint = did_you_mean(name_or_path, list(PUBLISHED))
        raise FileNotFoundError(f"no file and no published network {name_or_path}{hint}")
    data = path.read_bytes()
    if is_original(data):
        return _with_published_name(read_original(data, path))
    return decode_json(data, NetworkSpec, path)


def _with_published_name(spec: NetworkSpec) -> NetworkSpec:
    for name in PUBLISHED:
        published = published_spec(name)
        if replace(spec, name=name) == published:
            return published
    return spec
