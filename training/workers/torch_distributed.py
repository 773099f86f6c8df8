"""Workers started by torchrun (or mpirun), talking through torch.distributed: gloo or nccl."""

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, TypeVar

import torch.distributed.nn  # noqa: F401  (imported later, its defaults would hold the open group)
from torch import Tensor, distributed, nn, optim
from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import fp16_compress_hook
from torch.nn.parallel import DistributedDataParallel

from training.workers.base import Link, Workers, on_cpu, take_gpu
from training.workers.place import Place

T = TypeVar("T")
DEFAULT_PORT = 29500


class _Parallel(Link):
    """torch's DistributedDataParallel: gradients travel while backward goes on."""

    def __init__(self, network: nn.Module, fp16: bool) -> None:
        device = next(network.parameters()).device
        self.network = self._parallel = DistributedDataParallel(
            network,
            device_ids=[device] if device.type == "cuda" else None,
            forward_sync_buffers=False,  # the loop averages statistics itself, under every engine
        )
        if fp16:
            self._parallel.register_comm_hook(None, fp16_compress_hook)

    @contextmanager
    def part(self, last: bool) -> Iterator[None]:
        with nullcontext() if last else self._parallel.no_sync():
            yield


class TorchDistributed(Workers):
    """One process group over all workers; nccl where every worker has a GPU, else gloo."""

    def __init__(self, place: Place, cuda: bool) -> None:
        self.rank, self.size = place.rank, place.size
        self.local_rank, self.local_size = place.local_rank, place.local_size
        backend = "nccl" if cuda else "gloo"
        self.engine = f"torch.distributed over {backend}"
        if cuda:
            take_gpu(self.local_rank)
        if "MASTER_ADDR" not in os.environ and self.local_size != self.size:
            raise ValueError(
                "torch.distributed over several machines needs MASTER_ADDR, the name of the "
                "first one: start the workers with torchrun, or pass it with mpirun -x"
            )
        os.environ.setdefault("MASTER_ADDR", "127.0.0.1")
        os.environ.setdefault("MASTER_PORT", str(DEFAULT_PORT))
        distributed.init_process_group(backend, rank=self.rank, world_size=self.size)

    def link(self, network: nn.Module, optimizer: optim.Optimizer, passes: int, fp16: bool) -> Link:
        return _Parallel(network, fp16)

    def sum(self, tensor: Tensor) -> Tensor:
        total = tensor.clone()
        distributed.all_reduce(total)
        return total

    def broadcast(self, value: T) -> T:
        box: list[Any] = [on_cpu(value) if self.first else None]
        distributed.broadcast_object_list(box)
        return box[0]

    def close(self) -> None:
        gc.collect()  # a network in a cycle would hold the group, and the group its threads
        distributed.destroy_process_group()
