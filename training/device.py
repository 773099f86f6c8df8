"""Where a network runs: on the CPU, or on a GPU when there is one."""

from typing import Literal

import torch

DeviceName = Literal["auto", "cpu", "cuda"]


def pick_device(name: DeviceName) -> torch.device:
    """The device of that name; `auto` is a GPU where torch sees one. ValueError if there is none.

    Convolutions on a GPU are computed in full float32, so that logits equal those of a CPU.
    """
    there = torch.cuda.is_available()
    if name == "cuda" and not there:
        raise ValueError("torch sees no CUDA device here: use --device cpu")
    if name == "cpu" or not there:
        return torch.device("cpu")
    torch.backends.cudnn.allow_tf32 = False
    return torch.device("cuda")
