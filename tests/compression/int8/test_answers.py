"""Answers are counted image by image, as each file gives them."""

import numpy as np
import pytest
import torch

from compression.int8.answers import Answers, answers_of, in_onnxruntime
from tests.compression.int8.networks import file_of, images, int8_of, small


def test_answers_are_those_of_the_files_in_onnx_runtime() -> None:
    data = file_of(small())
    int8, x = int8_of(data, images()), images(40)
    best = [
        np.array([in_onnxruntime(one)(image[None].numpy()).argmax() for image in x])
        for one in (data, int8)
    ]
    with torch.no_grad():
        assert (best[0] == small()(x).argmax(1).numpy()).all()
    y = torch.from_numpy(np.where(np.arange(40) % 3 == 0, 0, best[1]))
    asked = {"float32": in_onnxruntime(data), "int8": in_onnxruntime(int8)}
    batches = list(zip(x.split(16), y.split(16), strict=True))
    alike = int((best[0] == best[1]).sum())
    assert answers_of(asked, batches) == {
        "float32": Answers(40, int((best[0] == y.numpy()).sum()), 40),
        "int8": Answers(40, int((best[1] == y.numpy()).sum()), alike),
    }


def test_an_empty_image_set_is_refused() -> None:
    with pytest.raises(ValueError, match="empty"):
        answers_of({"float32": in_onnxruntime(file_of(small()))}, [])
