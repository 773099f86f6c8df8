"""A process knows from its environment who started it, and which one it is."""

import pytest

from training.workers import Alone, join_workers
from training.workers.place import Place, detected, place

MPIRUN = {
    "OMPI_COMM_WORLD_RANK": "3",
    "OMPI_COMM_WORLD_SIZE": "8",
    "OMPI_COMM_WORLD_LOCAL_RANK": "1",
    "OMPI_COMM_WORLD_LOCAL_SIZE": "2",
}
TORCHRUN = {"RANK": "3", "WORLD_SIZE": "8", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2"}


@pytest.mark.parametrize(
    ("environment", "engine"),
    [({}, "none"), (MPIRUN, "horovod"), (TORCHRUN, "torch"), ({"WORLD_SIZE": "8"}, "none")],
)
def test_the_launcher_suggests_the_engine(environment: dict[str, str], engine: str) -> None:
    assert detected({"HOME": "/", **environment}) == engine


@pytest.mark.parametrize("environment", [MPIRUN, TORCHRUN])
def test_every_launcher_numbers_its_processes(environment: dict[str, str]) -> None:
    assert place(environment) == Place(rank=3, size=8, local_rank=1, local_size=2)


def test_without_a_launcher_there_is_no_number(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*MPIRUN, *TORCHRUN):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ValueError, match="torchrun --nproc-per-node"):
        join_workers("torch", cuda=False)
    with pytest.raises(ValueError, match="mpirun -np"):
        join_workers("horovod", cuda=False)
    assert isinstance(join_workers("auto", cuda=False), Alone)
