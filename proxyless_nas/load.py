"""Names and files of networks: which there are, and the weights that were published for them."""

from pathlib import Path

from msgspec.structs import replace
from torch import nn

from proxyless_nas.files import decode_json, did_you_mean
from proxyless_nas.network import Network, NetworkSpec
from proxyless_nas.pretrained import PRETRAINED, load_pretrained
from proxyless_nas.published import PUBLISHED, is_published, published_spec
from proxyless_nas.upstream import is_original, read_original

TORCHVISION = "torchvision:"


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


def load_published_weights(network: nn.Module, name: str) -> None:
    """Fill `network` with its authors' weights, which are downloaded once.

    Names are those of `load_network`. ValueError for a network without published weights;
    otherwise errors as in `load_pretrained`.
    """
    if isinstance(network, Network):
        if name not in PRETRAINED:
            raise ValueError(f"{name} comes without weights: train it, or give a file of weights")
        load_pretrained(network, PRETRAINED[name])
        return
    from proxyless_nas.torchvision_door import pretrained_state

    network.load_state_dict(pretrained_state(name.removeprefix(TORCHVISION)))


def torchvision_name(name_or_path: str) -> str | None:
    """The name without its prefix where it is torchvision's; None where `load_spec` knows it.

    FileNotFoundError, with the nearest name, when neither knows it.
    """
    if is_published(name_or_path) or Path(name_or_path).is_file():
        return None
    from proxyless_nas.torchvision_door import classifier_names

    name, names = name_or_path.removeprefix(TORCHVISION), classifier_names()
    if name not in names:
        hint = did_you_mean(name, [*PUBLISHED, *names])
        raise FileNotFoundError(
            f"no file, no published network and no network of torchvision {name}{hint}"
        )
    return name


def _with_published_name(spec: NetworkSpec) -> NetworkSpec:
    for name in PUBLISHED:
        published = published_spec(name)
        if replace(spec, name=name) == published:
            return published
    return spec
