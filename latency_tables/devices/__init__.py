"""The devices that tables are measured on: what tells one from another, one kind per file."""

from latency_tables.devices.cuda import CudaDevice
from latency_tables.devices.foreign import ForeignDevice
from latency_tables.devices.local import LocalMachine, fingerprint, load_average
from latency_tables.devices.remote import RemoteDevice

AnyDevice = LocalMachine | CudaDevice | RemoteDevice | ForeignDevice

__all__ = [
    "AnyDevice",
    "CudaDevice",
    "ForeignDevice",
    "LocalMachine",
    "RemoteDevice",
    "fingerprint",
    "load_average",
]
