"""The machines that tables are measured on."""

from latency_tables.devices.local import Device, fingerprint, load_average

__all__ = ["Device", "fingerprint", "load_average"]
