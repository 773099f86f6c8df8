"""Workers started by mpirun or horovodrun, talking through Horovod: MPI, gloo or NCCL."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch import Tensor, nn, optim

from training.workers.base import Link, Workers, on_cpu, take_gpu

T = TypeVar("T")
WAIT_POLITELY = ("OMPI_MCA_mpi_yield_when_idle", "1")
"""Else Open MPI spins while it waits, on the cores that the workers compute on."""
Form = tuple[torch.dtype, torch.memory_format]


def horovod() -> Any:
    """horovod.torch; ValueError with the ways out where it is not installed."""
    try:
        import horovod.torch as hvd  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise ValueError(
            f"started by mpirun, but Horovod cannot be imported ({error}): `make horovod` builds "
            f"it; or give --distributed torch, or start with torchrun"
        ) from error
    return hvd


class Packing:
    """How gradients travel: as numbers of one kind, in rows, which is all that Horovod takes.

    Horovod calls it a compression. Channels-last gradients come back channels last.
    """

    def __init__(self, kind: torch.dtype | None) -> None:
        self.kind = kind

    def compress(self, tensor: Tensor) -> tuple[Tensor, Form]:
        """What to send, and what it was."""
        last = tensor.dim() == 4 and tensor.is_contiguous(memory_format=torch.channels_last)
        form = (tensor.dtype, torch.channels_last if last else torch.contiguous_format)
        return tensor.to(self.kind or tensor.dtype).contiguous(), form

    def decompress(self, tensor: Tensor, form: Form) -> Tensor:
        """What was received, as it was."""
        kind, layout = form
        return tensor.to(kind).contiguous(memory_format=layout)


class _Hooked(Link):
    """Horovod's optimizer, used for its hooks only: they average gradients during backward.

    The plain optimizer takes the step, so its state is the same with every engine.
    """

    def __init__(
        self, network: nn.Module, optimizer: optim.Optimizer, passes: int, fp16: bool
    ) -> None:
        self.network = network
        self._averaging = horovod().DistributedOptimizer(
            optimizer,
            named_parameters=network.named_parameters(),
            compression=Packing(torch.float16 if fp16 else None),
            backward_passes_per_step=passes,
        )

    @contextmanager
    def part(self, last: bool) -> Iterator[None]:
        yield
        if last:
            self._averaging.synchronize()


class Horovod(Workers):
    """The ranks of one MPI job (or of horovodrun)."""

    def __init__(self, cuda: bool) -> None:
        self._hvd = horovod()
        if not cuda:
            os.environ.setdefault(*WAIT_POLITELY)
        self._hvd.init()
        self.rank, self.size = self._hvd.rank(), self._hvd.size()
        self.local_rank, self.local_size = self._hvd.local_rank(), self._hvd.local_size()
        carrier = "MPI" if self._hvd.mpi_enabled() else "gloo"
        if cuda:
            take_gpu(self.local_rank)
            carrier += " and NCCL" if self._hvd.nccl_built() else ""
        self.engine = f"Horovod over {carrier}"

    def link(self, network: nn.Module, optimizer: optim.Optimizer, passes: int, fp16: bool) -> Link:
        return _Hooked(network, optimizer, passes, fp16)

    def sum(self, tensor: Tensor) -> Tensor:
        return self._hvd.allreduce(tensor, op=self._hvd.Sum)

    def broadcast(self, value: T) -> T:
        mine = on_cpu(value) if self.first else None
        return self._hvd.broadcast_object(mine, name="value")  # unnamed, it is named by its type

    def close(self) -> None:
        self._hvd.shutdown()
