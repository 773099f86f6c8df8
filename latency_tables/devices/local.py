"""Say which machine this is, well enough to tell its tables from another machine's."""

import hashlib
import os
import platform
from pathlib import Path

from msgspec import Struct

CPUINFO = Path("/proc/cpuinfo")
GOVERNOR = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
PRODUCT = Path("/sys/class/dmi/id/product_name")


class LocalMachine(Struct, frozen=True, forbid_unknown_fields=True, tag="cpu", tag_field="kind"):
    """The machine the program runs on, and its CPU.

    `flags` is a hash of the CPU's feature flags; None means "cannot be read here".
    """

    cpu: str
    family: str
    flags: str
    cores: int
    machine: str
    kernel: str
    governor: str | None
    virtual: str | None

    def same_kind(self, other: object) -> bool:
        """Whether two tables come from the same kind of processor (kernel and governor aside)."""
        if not isinstance(other, LocalMachine):
            return False
        return (self.cpu, self.family, self.flags) == (other.cpu, other.family, other.flags)

    def __str__(self) -> str:
        return f"{self.cpu} ({self.cores} cores, {self.virtual or 'no virtual machine seen'})"


def fingerprint() -> LocalMachine:
    """This machine."""
    info = _cpuinfo()
    flags = info.get("flags") or info.get("Features") or ""
    digest = hashlib.sha256(" ".join(sorted(flags.split())).encode()).hexdigest()[:12]
    return LocalMachine(
        cpu=info.get("model name") or platform.processor() or "unknown",
        family="-".join(info.get(key, "?") for key in ("cpu family", "model", "stepping")),
        flags=digest,
        cores=os.cpu_count() or 1,
        machine=platform.machine(),
        kernel=f"{platform.system()} {platform.release()}",
        governor=_first_line(GOVERNOR),
        virtual=_first_line(PRODUCT) or "hypervisor" if "hypervisor" in flags.split() else None,
    )


def load_average() -> float:
    """Runnable processes, averaged over the last minute."""
    return round(os.getloadavg()[0], 2)


def _cpuinfo() -> dict[str, str]:
    """The first processor's lines; empty where there is no /proc."""
    try:
        first = CPUINFO.read_text().split("\n\n")[0]
    except OSError:
        return {}
    pairs = (line.partition(":") for line in first.splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


def _first_line(path: Path) -> str | None:
    try:
        return path.read_text().strip().splitlines()[0]
    except (OSError, IndexError):
        return None
