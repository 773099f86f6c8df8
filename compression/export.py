"""Write a trained network as an ONNX file and prove that it answers as the module does."""

import contextlib
import functools
import io
import tempfile
import warnings
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from msgspec import Struct
from torch import nn

from compression.channels.cut import noise
from proxyless_nas.files import write_bytes
from proxyless_nas.layer import Shape

TOLERANCE = 1e-3
CHECKED = 8


class Export(Struct, frozen=True):
    """What was written, and the largest difference of a logit, relative to the largest logit."""

    path: str
    bytes: int
    difference: float


def export_onnx(
    network: nn.Module, shape: Shape, path: str | Path, images: torch.Tensor | None = None
) -> Export:
    """Export `network` for one image [1, *shape] and check it in ONNX Runtime.

    The check runs on `images` [N, *shape] (random ones where none are given). ValueError
    when the two disagree by more than 1e-3 of the largest logit; then nothing is written.
    """
    network = deepcopy(network).cpu().eval()
    if images is None:
        images = noise(shape, network, CHECKED)
    data = onnx_bytes(network, shape)
    difference = _disagreement(network, data, images)
    if not difference <= TOLERANCE:
        raise ValueError(
            f"the exported {type(network).__name__} differs from the module by {difference:.2e} of "
            "its largest logit; nothing was written"
        )
    write_bytes(path, data)
    return Export(str(path), len(data), difference)


def onnx_bytes(network: nn.Module, shape: Shape, batch: int = 1) -> bytes:
    """A network in eval mode on the CPU as an ONNX file for [batch, *shape], unchecked."""
    example = torch.zeros(batch, shape.channels, shape.height, shape.width)
    _remember_operations()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        file = Path(folder) / "model.onnx"
        with contextlib.redirect_stdout(io.StringIO()):
            torch.onnx.export(
                network,
                (example,),
                str(file),
                input_names=["images"],
                output_names=["logits"],
                dynamo=True,
                external_data=False,
                verbose=False,
            )
        return file.read_bytes()


@functools.cache
def _remember_operations() -> None:
    """For each file torch reads the source of all operations anew, in half of its time: once now.

    What it read is not changed by an export without translations of one's own.
    """
    from torch.onnx._internal.exporter._registration import ONNXRegistry

    known: Any = ONNXRegistry
    known.from_torchlib = staticmethod(functools.cache(known.from_torchlib))


@torch.no_grad()
def _disagreement(network: nn.Module, data: bytes, images: torch.Tensor) -> float:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    worst, largest = 0.0, 0.0
    for image in images.split(1):
        expected = network(image).numpy()
        (answer,) = session.run(["logits"], {"images": np.ascontiguousarray(image.numpy())})
        worst = max(worst, float(np.abs(np.asarray(answer) - expected).max()))
        largest = max(largest, float(np.abs(expected).max()))
    return worst / max(largest, 1e-12)
