"""What every runtime can do: name itself and its device, and make a model ready to be called."""

from typing import Literal, Protocol

from latency_tables.devices import AnyDevice
from latency_tables.head import DataType, RuntimeInfo
from latency_tables.model import Model
from latency_tables.stopwatch import Call, Stopwatch

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

    def prepare(self, model: Model) -> Call:
        """A callable that runs `model` once on a fixed random input.

        ValueError where this runtime cannot run it.
        """
        ...


def check_dtype(who: str, dtype: DataType, known: tuple[DataType, ...]) -> None:
    """ValueError where a runtime does not run a data type."""
    if dtype not in known:
        raise ValueError(f"--dtype {dtype}: {who} runs {' and '.join(known)}")
