"""Write any module so that a process without its code can run it: torch.export's file."""

from copy import deepcopy
from pathlib import Path

import torch
from torch import nn

from compression.channels.cut import TOLERANCE, apart, noise
from compression.channels.structure import every
from proxyless_nas.files import replacing
from proxyless_nas.layer import Shape

PROGRAM = "network.pt2"


@torch.no_grad()
def write_program(module: nn.Module, shape: Shape, path: str | Path) -> None:
    """Write `module` in eval mode, for any number of images of `shape`; it is read back and tried.

    ValueError where it cannot be exported or answers differently; then nothing is written.
    `torch.export.load(path).module()` is the network again.
    """
    copy = deepcopy(module).eval().cpu()
    copy.to(memory_format=torch.contiguous_format)  # pyright: ignore[reportCallIssue]
    x = noise(shape, copy)
    batch = torch.export.Dim("batch", min=1)
    with replacing(path) as file:
        try:
            program = torch.export.export(copy, (x,), dynamic_shapes=({0: batch},))
        except Exception as error:
            raise ValueError(
                f"{type(module).__name__} cannot be exported ({type(error).__name__}): "
                f"{str(error).splitlines()[0]}"
            ) from error
        with file.open("wb") as stream:
            torch.export.save(program, stream)
        with file.open("rb") as stream:
            again = torch.export.load(stream).module()
        difference = apart(every(torch.Tensor, copy(x)), every(torch.Tensor, again(x)))
        if not difference <= TOLERANCE:
            raise ValueError(
                f"the exported {type(module).__name__} answers differently, by {difference:.1e} of "
                "its largest number; nothing was written"
            )
