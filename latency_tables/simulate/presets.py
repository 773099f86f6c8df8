"""The simulated machines by name."""

from collections.abc import Iterable
from typing import Literal

from latency_tables.simulate.bismo import Bismo
from latency_tables.simulate.bitfusion import BitFusion
from latency_tables.simulate.recorded import Recorded, load_recorded
from proxyless_nas.files import did_you_mean
from proxyless_nas.layer import Layer

AnyHardware = Bismo | BitFusion | Recorded
HardwareName = Literal["bismo-edge", "bismo-cloud", "bitfusion"]
HARDWARE: dict[HardwareName, Bismo | BitFusion] = {
    "bismo-edge": Bismo(side=8, packed=1, batch=1),  # a Zynq-7020, HAQ's table 2
    "bismo-cloud": Bismo(side=16, packed=16, batch=16),  # a VU9P
    "bitfusion": BitFusion(),
}


def open_hardware(source: str, layers: Iterable[Layer]) -> AnyHardware:
    """A machine by its name, or the recorded table of an .npy file for these layers.

    ValueError, with the nearest name, for any other; for a file as in `load_recorded`.
    """
    if source.endswith(".npy"):
        return load_recorded(source, layers)
    for name, hardware in HARDWARE.items():
        if name == source:
            return hardware
    hint = did_you_mean(source, list(HARDWARE))
    raise ValueError(
        f"no hardware {source!r}{hint}; one of: {', '.join(HARDWARE)}, or an .npy file"
    )
