"""Save and load tensors: written atomically, read without running any code from the file."""

import io
import re
from pathlib import Path
from typing import Any

import torch
from torch import nn

from proxyless_nas.files import write_bytes
from proxyless_nas.network import Network, NetworkSpec
from proxyless_nas.upstream.checkpoint import tensors_for


def save_tensors(path: str | Path, state: dict[str, Any]) -> None:
    """Replace `path` in one step by a torch file of `state` (tensors and plain values)."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    write_bytes(path, buffer.getvalue())


def load_tensors(path: str | Path) -> dict[str, Any]:
    """Read a torch file onto the CPU; ValueError when it is damaged or holds anything but data."""
    if not Path(path).is_file():
        raise FileNotFoundError(f"no file {path}")
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for a damaged file
        object_in_it = re.search(r"Unsupported global: GLOBAL (\S+)", str(error))
        if object_in_it is not None:
            raise ValueError(
                f"{path} holds a {object_in_it[1]}; only tensors and plain values are read, so "
                "that no code from a file can run"
            ) from error
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"{path} is not a readable torch file: {reason}") from error


def load_weights(network: nn.Module, path: str | Path) -> None:
    """Fill `network` from a checkpoint, strictly.

    One of ours takes checkpoints of ours, of the original and of its relatives, any other module
    its own; `upstream.checkpoint.tensors_for` says which layouts are understood. ValueError when
    the weights are another network's: it names the file, the network and the first difference.
    """
    spec = network.spec if isinstance(network, Network) else None
    _fill(network, path, spec, spec.name if spec else type(network).__name__)


def load_exactly(network: nn.Module, path: str | Path, name: str) -> None:
    """Fill `network` from a file that calls tensors as it does, whatever layers it has by now.

    ValueError where they are another's; it calls the network by `name`.
    """
    _fill(network, path, None, name)


def _fill(network: nn.Module, path: str | Path, spec: NetworkSpec | None, name: str) -> None:
    content = load_tensors(path)
    try:
        tensors = tensors_for(spec, network.state_dict(), content)
    except ValueError as error:
        raise ValueError(f"{path} does not hold the weights of {name}: {error}") from error
    network.load_state_dict(tensors)
