"""Write any module so that a process without its code can run it: torch.export's file."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from compression.channels.cut import TOLERANCE, apart, noise
from compression.channels.structure import every
from proxyless_nas.files import replacing
from proxyless_nas.layer import Shape

PROGRAM = "network.pt2"


def write_program(module: nn.Module, shape: Shape, path: str | Path) -> None:
    """Write `module` in eval mode, for any number of images of `shape`; it is read back and tried.

    ValueError where it cannot be exported or answers differently; then nothing is written.
    `torch.export.load(path).module()` is the network again.
    """
    write_called(module, (noise(shape, module).cpu(),), path)


@torch.no_grad()
def write_called(module: nn.Module, inputs: tuple[Any, ...], path: str | Path) -> None:
    """The same for a module that is called with `inputs`.

    They are tensors on the CPU, or tuples of them, all with the batch first.
    """
    module = deepcopy(module).eval().cpu()
    module.to(memory_format=torch.contiguous_format)  # pyright: ignore[reportCallIssue]
    batch, shapes = torch.export.Dim("batch", min=1), torch.export.ShapesCollection()
    for tensor in every(Tensor, inputs):
        shapes[tensor] = {0: batch}
    with replacing(path) as file:
        try:
            program = torch.export.export(
                module, inputs, dynamic_shapes=shapes.dynamic_shapes(module, inputs)
            )
        except Exception as error:
            raise ValueError(
                f"{type(module).__name__} cannot be exported ({type(error).__name__}): "
                f"{str(error).splitlines()[0]}"
            ) from error
        with file.open("wb") as stream:
            torch.export.save(program, stream)
        with file.open("rb") as stream:
            again = torch.export.load(stream).module()
        difference = apart(every(Tensor, module(*inputs)), every(Tensor, again(*inputs)))
        if not difference <= TOLERANCE:
            raise ValueError(
                f"the exported {type(module).__name__} answers differently, by {difference:.1e} of "
                "its largest number; nothing was written"
            )
