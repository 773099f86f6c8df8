"""What training asks of the processes it runs in: who am I, one average, one broadcast."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from hashlib import sha256
from typing import Any, TypeVar

import torch
from torch import Tensor, nn, optim

T = TypeVar("T")


class Link(ABC):
    """One network and its copies in the other workers: their gradients become the average."""

    network: nn.Module
    """What to call in training; it shares its parameters with the network that was linked."""

    @abstractmethod
    def part(self, last: bool) -> AbstractContextManager[None]:
        """Around forward and backward of one micro-batch; after the `last` one of a step every
        `p.grad` is the average over workers of the sum over micro-batches."""


class Workers(ABC):
    """The processes that train one network together; this one is number `rank` of `size`."""

    engine: str
    """Who carries messages, as a person would say it."""
    rank: int
    size: int
    local_rank: int
    """Number among the workers of this machine: which of its GPUs is ours."""
    local_size: int

    @property
    def first(self) -> bool:
        """Whether this worker speaks, writes and keeps for all."""
        return self.rank == 0

    @abstractmethod
    def link(self, network: nn.Module, optimizer: optim.Optimizer, passes: int, fp16: bool) -> Link:
        """Average the gradients of `network` from now on, in `passes` micro-batches per step.

        All workers must hold equal parameters already (`broadcast`). With `fp16` gradients travel
        as half-precision numbers.
        """

    @abstractmethod
    def sum(self, tensor: Tensor) -> Tensor:
        """The sum over all workers, the same in each; call it in all of them, in one order."""

    @abstractmethod
    def broadcast(self, value: T) -> T:
        """What the first worker passed in, its tensors on the CPU."""

    def average_(self, tensors: Sequence[Tensor]) -> None:
        """Replace float tensors of one kind and device by their average, in one message."""
        if self.size == 1 or not tensors:
            return
        flat = torch.cat([tensor.detach().flatten() for tensor in tensors])
        mean = self.sum(flat).div_(self.size)
        parts = mean.split([tensor.numel() for tensor in tensors])
        for tensor, part in zip(tensors, parts, strict=True):
            tensor.detach().copy_(part.view_as(tensor))

    def must_agree(self, tensors: Sequence[Tensor]) -> str:
        """The sha256 of `tensors`, which must be the same in every worker, bit for bit.

        RuntimeError in all of them when it is not: an engine has lost or changed a gradient.
        """
        digest = sha256()
        for tensor in tensors:
            plain = tensor.detach().cpu().contiguous().view(-1)
            digest.update(plain.view(torch.uint8).numpy().tobytes())
        own = digest.hexdigest()
        differs = float(own != self.broadcast(own))
        if self.sum(torch.tensor(differs, device=tensors[0].device)):
            raise RuntimeError(f"the parameters of the {self.size} workers differ: {self.engine}")
        return own

    @abstractmethod
    def close(self) -> None:
        """Leave; nothing may be asked afterwards."""

    def __enter__(self) -> "Workers":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()


def take_gpu(number: int) -> None:
    """Make that GPU of this machine this process's own; ValueError where there are fewer."""
    count = torch.cuda.device_count()
    if number >= count:
        raise ValueError(
            f"worker {number + 1} of this machine has no GPU: torch sees {count}; start fewer "
            f"workers, or give --device cpu"
        )
    torch.cuda.set_device(number)


def on_cpu(value: Any) -> Any:
    """`value` with every tensor in it, however deep in dicts and lists, on the CPU."""
    if isinstance(value, Tensor):
        return value.cpu()
    if isinstance(value, dict):
        return {key: on_cpu(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(on_cpu(part) for part in value)
    return value
