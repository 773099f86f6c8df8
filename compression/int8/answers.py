"""What ONNX files answer in ONNX Runtime, image by image: how many are right, and alike."""

from collections.abc import Iterable, Mapping

import numpy as np
import onnxruntime
import torch
from msgspec import Struct

from training.datasets import Batch


class Answers(Struct, frozen=True, forbid_unknown_fields=True):
    """Of `images` test images: how many are right, and how many answered as the first file does."""

    images: int
    right: int
    alike: int


def answers_of(files: Mapping[str, bytes], batches: Iterable[Batch]) -> dict[str, Answers]:
    """By name, what files that take one image say of `batches` ([B, C, H, W], [B])."""
    sessions = {name: _session(data) for name, data in files.items()}
    images, right, alike = 0, dict.fromkeys(files, 0), dict.fromkeys(files, 0)
    for x, y in batches:
        best = {name: _best(session, x) for name, session in sessions.items()}
        first = best[next(iter(files))]
        images += len(y)
        for name, one in best.items():
            right[name] += int((one == y).sum())
            alike[name] += int((one == first).sum())
    if images == 0:
        raise ValueError("nothing to answer: the image set is empty")
    return {name: Answers(images, right[name], alike[name]) for name in files}


def _session(data: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def _best(session: onnxruntime.InferenceSession, x: torch.Tensor) -> torch.Tensor:
    """[B]: the first answer for each image."""
    name = session.get_inputs()[0].name
    rows = [session.run(None, {name: one.numpy()})[0] for one in x.contiguous().split(1)]
    return torch.from_numpy(np.concatenate([np.asarray(row) for row in rows])).argmax(dim=1)
