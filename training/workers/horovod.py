"""Workers started by mpirun or horovodrun, talking through Horovod: MPI, gloo or NCCL."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch import Tensor, nn, optim

from training.workers.base import Link, Workers, on_cpu

T = TypeVar("T")


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


class _Hooked(Link):
    """Horovod's optimizer, used for its hooks only: they average gradients during backward.

    The plain optimizer takes the step, so its state is the same with every engine.
    """

    def __init__(
        self, network: nn.Module, optimizer: optim.Optimizer, passes: int, fp16: bool
    ) -> None:
        hvd = horovod()
        self.network = network
        self._averaging = hvd.DistributedOptimizer(
            optimizer,
            named_parameters=network.named_parameters(),
            compression=hvd.Compression.fp16 if fp16 else hvd.Compression.none,
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
        self._hvd.init()
        self.rank, self.size = self._hvd.rank(), self._hvd.size()
        self.local_rank, self.local_size = self._hvd.local_rank(), self._hvd.local_size()
        carrier = "MPI" if self._hvd.mpi_enabled() else "gloo"
        if cuda:
            torch.cuda.set_device(self.local_rank)
            carrier += " and NCCL" if self._hvd.nccl_built() else ""
        self.engine = f"Horovod over {carrier}"

    def link(self, network: nn.Module, optimizer: optim.Optimizer, passes: int, fp16: bool) -> Link:
        return _Hooked(network, optimizer, passes, fp16)

    def sum(self, tensor: Tensor) -> Tensor:
        return self._hvd.allreduce(tensor, op=self._hvd.Sum)

    def broadcast(self, value: T) -> T:
        return self._hvd.broadcast_object(on_cpu(value) if self.first else None, name="value")

    def close(self) -> None:
        self._hvd.shutdown()
