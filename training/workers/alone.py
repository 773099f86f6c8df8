"""One process, which averages over itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from torch import Tensor, nn, optim

from training.workers.base import Link, Workers

T = TypeVar("T")


class _Plain(Link):
    def __init__(self, network: nn.Module) -> None:
        self.network = network

    @contextmanager
    def part(self, last: bool) -> Iterator[None]:
        yield


class Alone(Workers):
    """Started by hand: no messages at all."""

    engine = "one process"
    rank, size, local_rank, local_size = 0, 1, 0, 1

    def link(self, network: nn.Module, optimizer: optim.Optimizer, passes: int, fp16: bool) -> Link:
        return _Plain(network)

    def sum(self, tensor: Tensor) -> Tensor:
        return tensor

    def broadcast(self, value: T) -> T:
        return value

    def close(self) -> None:
        pass
