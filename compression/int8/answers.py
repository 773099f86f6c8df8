"""What files answer, image by image, wherever they run: how many are right, and alike."""

from collections.abc import Callable, Iterable, Mapping

import numpy as np
import onnxruntime
import torch
from msgspec import Struct

from training.datasets import Batch

Ask = Callable[[np.ndarray], np.ndarray]  # one image [1, C, H, W] -> [1, classes]


class Answers(Struct, frozen=True, forbid_unknown_fields=True):
    """Of `images` test images: how many are right, and how many answered as the first one does."""

    images: int
    right: int
    alike: int


def answers_of(asked: Mapping[str, Ask], batches: Iterable[Batch]) -> dict[str, Answers]:
    """By name, what each says of `batches` ([B, C, H, W], [B])."""
    images, right, alike = 0, dict.fromkeys(asked, 0), dict.fromkeys(asked, 0)
    for x, y in batches:
        best = {name: _best(ask, x) for name, ask in asked.items()}
        first = best[next(iter(asked))]
        images += len(y)
        for name, one in best.items():
            right[name] += int((one == y).sum())
            alike[name] += int((one == first).sum())
    if images == 0:
        raise ValueError("nothing to answer: the image set is empty")
    return {name: Answers(images, right[name], alike[name]) for name in asked}


def in_onnxruntime(data: bytes) -> Ask:
    """Asks a file in ONNX Runtime."""
    session = session_of(data, onnxruntime.SessionOptions())
    name = session.get_inputs()[0].name
    return lambda image: np.asarray(session.run(None, {name: image})[0])


def session_of(data: bytes, options: onnxruntime.SessionOptions) -> onnxruntime.InferenceSession:
    """A file in ONNX Runtime, on one thread."""
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def _best(ask: Ask, x: torch.Tensor) -> torch.Tensor:
    """[B]: the first answer for each image."""
    rows = [ask(one.numpy()) for one in x.contiguous().split(1)]
    return torch.from_numpy(np.concatenate(rows)).argmax(dim=1)
