"""Which of how many processes this is, as its launcher says in the environment."""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

Engine = Literal["horovod", "torch", "none"]
EngineName = Literal["auto", "horovod", "torch", "none"]
TORCHRUN = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
OPEN_MPI = tuple(f"OMPI_COMM_WORLD_{what}" for what in ("RANK", "SIZE", "LOCAL_RANK", "LOCAL_SIZE"))
HOROVODRUN = tuple(f"HOROVOD_{what}" for what in ("RANK", "SIZE", "LOCAL_RANK", "LOCAL_SIZE"))
MPICH = ("PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID", "MPI_LOCALNRANKS")


class Place(Struct, frozen=True):
    """Number of this process among all, and among those of its machine."""

    rank: int
    size: int
    local_rank: int
    local_size: int


def detected(environment: Mapping[str, str]) -> Engine:
    """torch under torchrun, horovod under mpirun or horovodrun, none elsewhere."""
    if all(name in environment for name in TORCHRUN):
        return "torch"
    if any(names[1] in environment for names in (OPEN_MPI, HOROVODRUN, MPICH)):
        return "horovod"
    return "none"


def place(environment: Mapping[str, str]) -> Place:
    """What torchrun or mpirun told this process; ValueError when nobody did."""
    for names in (TORCHRUN, OPEN_MPI, HOROVODRUN, MPICH):
        if all(name in environment for name in names):
            return Place(*(int(environment[name]) for name in names))
    raise ValueError(
        "several workers were asked for, but no launcher told this process its number: start it "
        "with torchrun --nproc-per-node N, or with mpirun -np N"
    )
