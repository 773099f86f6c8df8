"""Open a runtime by name; the program that runs it is loaded only then."""

from typing import Literal

import msgspec
from msgspec import Struct

from latency_tables.devices import CudaDevice, RemoteDevice
from latency_tables.head import DataType, Identity, ScheduleName
from latency_tables.runtimes.base import Runtime, RuntimeName
from latency_tables.runtimes.onnxruntime import OnnxRuntime


class RuntimeConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which program runs the models, where, and in which data type."""

    runtime: RuntimeName = "onnxruntime"
    device: str = "cpu"
    dtype: DataType = "float32"
    threads: int = 1
    target: str | None = None
    schedule: ScheduleName = "hand"
    trials: int = 0
    records: str | None = None

    def __post_init__(self) -> None:
        if self.threads < 1:
            raise ValueError(f"--threads {self.threads} is below 1")
        tvm_only = self.target or self.schedule != "hand" or self.trials or self.records
        if self.runtime != "tvm" and tvm_only:
            raise ValueError("--target, --schedule, --trials and --records belong to --runtime tvm")


def open_runtime(config: RuntimeConfig) -> Runtime:
    """The runtime of a config.

    ValueError where it does not know the device or the data type, or where its package is not
    installed (the message names the extra that installs it).
    """
    name, place, dtype, threads = config.runtime, config.device, config.dtype, config.threads
    if name == "eager":
        from latency_tables.runtimes.eager import Eager

        return Eager(dtype, threads, _one_of("eager", place, ("cpu", "cuda")))
    if name != "tvm":
        _one_of(name, place, ("cpu",))
    try:
        match name:
            case "onnxruntime":
                return OnnxRuntime(dtype=dtype, threads=threads)
            case "inductor":
                from latency_tables.runtimes.inductor import Inductor

                return Inductor(dtype=dtype, threads=threads)
            case "openvino":
                from latency_tables.runtimes.openvino import OpenVino

                return OpenVino(dtype=dtype, threads=threads)
            case "tvm":
                from latency_tables.runtimes.tvm import Tvm
                from latency_tables.runtimes.tvm.building import Recipe

                recipe = Recipe(config.schedule, config.trials, config.records)
                return Tvm(place, config.target, recipe, dtype, threads)
    except ModuleNotFoundError as error:
        raise ValueError(
            f"--runtime {name} needs the package {error.name}, which is not installed: "
            f"pip install 'proxyless-nas[{name}]'"
        ) from error


def runtime_of(
    identity: Identity, device: str | None = None, records: str | None = None
) -> Runtime:
    """The runtime that a table was measured with, as far as it is the same here today.

    A device behind a tracker needs its address, as in `--device rpc://HOST:PORT/KEY`.
    """
    if identity.protocol is None:
        raise ValueError("an imported table has no runtime that could be opened here")
    if isinstance(identity.device, RemoteDevice) and device is None:
        raise ValueError(f"this table is of {identity.device}: say --device rpc://HOST:PORT/KEY")
    known = "cuda" if isinstance(identity.device, CudaDevice) else "cpu"
    options = identity.runtime.options
    return open_runtime(
        RuntimeConfig(
            runtime=msgspec.convert(identity.runtime.name, RuntimeName),
            device=device or known,
            dtype=identity.dtype,
            threads=identity.threads,
            target=options.get("target"),
            schedule=msgspec.convert(options.get("schedule", "hand"), ScheduleName),
            trials=int(options.get("trials", 0)),
            records=records,
        )
    )


def _one_of(name: str, place: str, known: tuple[Literal["cpu", "cuda"], ...]):
    for device in known:
        if place == device:
            return device
    raise ValueError(
        f"--runtime {name} does not run on --device {place}; it runs on {' and '.join(known)}"
    )
