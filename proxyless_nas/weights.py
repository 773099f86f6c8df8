"""Save and load tensors: written atomically, read without running any code from the file."""

import io
from pathlib import Path
from typing import Any

import torch

from proxyless_nas.files import write_bytes
from proxyless_nas.network import Network


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
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"{path} is not a readable torch file: {reason}") from error


def load_weights(network: Network, path: str | Path) -> None:
    """Fill `network` from a state dict, strictly.

    ValueError when a name is missing, unknown or of another shape: the weights are another
    network's.
    """
    state = load_tensors(path)
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        lines = [line.strip() for line in str(error).splitlines()]
        raise ValueError(
            f"{path} does not hold the weights of {network.spec.name}: {' '.join(lines[1:2])}"
        ) from error
