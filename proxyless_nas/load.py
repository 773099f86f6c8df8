"""One door to descriptions: a published name or a file."""

from pathlib import Path

from proxyless_nas.files import did_you_mean, read_json
from proxyless_nas.network import NetworkSpec
from proxyless_nas.published import PUBLISHED, is_published, published_spec


def load_spec(name_or_path: str) -> NetworkSpec:
    """The description of a published network, or the one in a file.

    Raises FileNotFoundError when it is neither a name nor a file, and ValueError, with the file
    and the key, for what is wrong in it.
    """
    if is_published(name_or_path):
        return published_spec(name_or_path)
    if not Path(name_or_path).is_file():
        hint = did_you_mean(name_or_path, list(PUBLISHED))
        raise FileNotFoundError(f"no file and no published network {name_or_path}{hint}")
    return read_json(name_or_path, NetworkSpec)
