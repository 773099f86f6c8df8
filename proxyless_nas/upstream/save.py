"""Write a network so that the original code builds it and loads its weights."""

from pathlib import Path

import msgspec
from torch import Tensor

from proxyless_nas.files import write_bytes
from proxyless_nas.network import Network
from proxyless_nas.upstream.names import original_names
from proxyless_nas.upstream.write import original_config
from proxyless_nas.weights import save_tensors


def save_upstream(network: Network, folder: str | Path) -> tuple[Path, Path]:
    """Write `<name>.config` and `<name>.pth` into `folder`, and return their paths.

    The `.pth` holds `{"state_dict": ...}` under the original's names, in its order. ValueError,
    before anything is written, names what the original has no words for.
    """
    name = network.spec.name
    if Path(name).name != name:
        raise ValueError(f"network name {name!r} cannot be a file's name")
    config = msgspec.json.encode(original_config(network.spec))
    state = original_state(network)
    paths = Path(folder, f"{name}.config"), Path(folder, f"{name}.pth")
    write_bytes(paths[0], msgspec.json.format(config, indent=4))
    save_tensors(paths[1], {"state_dict": state})
    return paths


def original_state(network: Network) -> dict[str, Tensor]:
    """The network's tensors on the CPU, as the original names and orders them."""
    names = original_names(network.spec)
    assert names is not None, f"{network.spec.name} is no network of the original"
    return {
        f"{theirs}.{key}": tensor.cpu()
        for ours, theirs in names.items()
        for key, tensor in network.get_submodule(ours).state_dict().items()
    }
