"""What every runtime can do: name itself and its device, and make a model ready to be called."""

from typing import Literal, Protocol

from msgspec import Struct

from latency_tables.devices import AnyDevice, fingerprint, load_average
from latency_tables.head import DataType, RuntimeInfo
from latency_tables.model import Model
from latency_tables.stopwatch import Call, Stopwatch, thread_time, wall_time

RuntimeName = Literal["onnxruntime", "eager", "inductor", "openvino", "tvm"]


class Runtime(Protocol):
    """A program that runs models on a device, with the data type and threads it was opened for."""

    @property
    def dtype(self) -> DataType:
        """The data type that models are run in."""
        ...

    @property
    def threads(self) -> int:
        """CPU threads that run a model."""
        ...

    def info(self) -> RuntimeInfo:
        """Name, version and options, for the head of a table."""
        ...

    def device(self) -> AnyDevice:
        """The device that models run on."""
        ...

    def stopwatch(self) -> Stopwatch:
        """What times the calls that `prepare` returns."""
        ...

    def load(self) -> float | None:
        """The device's load average; None where it cannot be told."""
        ...

    def prepare(self, model: Model) -> Call:
        """A callable that runs `model` once on a fixed random input.

        ValueError where this runtime cannot run it.
        """
        ...


class OnThisCpu(Struct, frozen=True):
    """What runtimes on this machine's CPU have in common."""

    dtype: DataType = "float32"
    threads: int = 1

    def device(self) -> AnyDevice:
        """This machine."""
        return fingerprint()

    def stopwatch(self) -> Stopwatch:
        """CPU time of the thread that works; wall time where several do."""
        return thread_time() if self.threads == 1 else wall_time()

    def load(self) -> float | None:
        """This machine's load average."""
        return load_average()


def check_dtype(who: str, dtype: DataType, known: tuple[DataType, ...]) -> None:
    """ValueError where a runtime does not run a data type."""
    if dtype not in known:
        raise ValueError(f"--dtype {dtype}: {who} runs {' and '.join(known)}")
