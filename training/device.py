"""Where a network runs: on the CPU, or on a GPU when there is one."""

import ctypes
from typing import Literal

import torch
from torch import nn

DeviceName = Literal["auto", "cpu", "cuda"]
TRIM_THRESHOLD, TOP_PAD, MMAP_MAX = -1, -2, -4  # names that glibc's mallopt knows


def pick_device(name: DeviceName) -> torch.device:
    """The device of that name; `auto` is a GPU where torch sees one.

    ValueError if there is none.
    """
    there = torch.cuda.is_available()
    if name == "cuda" and not there:
        raise ValueError("torch sees no CUDA device here: use --device cpu")
    return torch.device("cuda" if there and name != "cpu" else "cpu")


def compute_exactly() -> None:
    """Let a GPU compute convolutions in full float32, so that logits equal those of a CPU."""
    torch.backends.cudnn.allow_tf32 = False


def keep_freed_memory() -> None:
    """Let activations reuse memory: glibc else returns it, and every layer waits for new pages.

    On a CPU this halves the time of an evaluation. Without glibc nothing changes.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(MMAP_MAX, 0)
        mallopt(TRIM_THRESHOLD, 2**31 - 1)
        mallopt(TOP_PAD, 2**28)


def learns_in_channels_last(network: nn.Module, device: torch.device) -> bool:
    """Whether it may keep the channels of a pixel together while it learns there.

    With torch 2.13 on a CPU the backward pass of a 1x1 convolution with a stride that takes 2 to 7
    channels writes where it may not (seen: crashes), unless channels lie apart.
    """
    return device.type != "cpu" or not any(
        isinstance(part, nn.Conv2d)
        and part.kernel_size == (1, 1)
        and max(part.stride) > 1
        and 1 < part.in_channels // part.groups < 8
        for part in network.modules()
    )
