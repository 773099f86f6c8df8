"""An NVIDIA GPU: which one it is, and events on its stream as the clock."""

import time
from typing import Any

import torch
from msgspec import Struct

from latency_tables.stopwatch import Call, ClockName

MOST_CALLS = 1000  # per visit: each holds two events


class CudaDevice(Struct, frozen=True, forbid_unknown_fields=True, tag="cuda", tag_field="kind"):
    """A GPU, as torch names it; `host` is the CPU that feeds it."""

    name: str
    capability: str
    memory_gb: float
    cuda: str
    host: str

    def same_kind(self, other: object) -> bool:
        """Whether two tables come from the same kind of GPU (driver and host aside)."""
        if not isinstance(other, CudaDevice):
            return False
        return (self.name, self.capability) == (other.name, other.capability)

    def __str__(self) -> str:
        return f"{self.name} ({self.memory_gb:g} GB, compute capability {self.capability})"


def must_see_cuda() -> None:
    """ValueError where torch sees no GPU."""
    if not torch.cuda.is_available():
        raise ValueError(
            "torch sees no CUDA device here: --device cuda needs an NVIDIA GPU and torch's CUDA "
            "build; leave --device out for the CPU"
        )


def cuda_fingerprint(host: str) -> CudaDevice:
    """The current GPU; ValueError where torch sees none."""
    must_see_cuda()
    seen = torch.cuda.get_device_properties(torch.cuda.current_device())
    return CudaDevice(
        name=seen.name,
        capability=f"{seen.major}.{seen.minor}",
        memory_gb=round(seen.total_memory / 1e9, 1),
        cuda=str(torch.version.cuda),
        host=host,
    )


class Events:
    """Two events around each call; the host waits for the GPU only at the end of a visit.

    The time between them is what the GPU's stream needed, launch gaps included: a block that is
    launched more slowly than it runs takes as long as its launches.
    """

    name: ClockName = "cuda_event"

    def wall(self) -> int:
        return time.perf_counter_ns()

    def time(self, call: Call, length_ns: float) -> tuple[list[int], list[int]]:
        torch.cuda.synchronize()
        pairs: list[tuple[Any, Any]] = []
        end = self.wall() + length_ns
        while not pairs or (self.wall() < end and len(pairs) < MOST_CALLS):
            before, after = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            before.record()
            call()
            after.record()
            pairs.append((before, after))
        torch.cuda.synchronize()
        spent = [int(before.elapsed_time(after) * 1e6) for before, after in pairs]
        return spent, spent

    def energy_uj(self) -> None:
        return None
