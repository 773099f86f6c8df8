"""Energy of the CPU packages, as Linux reports it (RAPL, `/sys/class/powercap`)."""

from collections.abc import Callable
from pathlib import Path

POWERCAP = Path("/sys/class/powercap")


def package_energy(root: Path = POWERCAP) -> Callable[[], int | None]:
    """A counter of microjoules over all packages; it returns None where none can be read.

    The kernel lets only root read it. It is updated about once per millisecond, and it counts
    all that the package does: single visits are coarse, sums over many visits are not.
    """
    zones = [zone for zone in sorted(root.glob("intel-rapl:*")) if zone.name.count(":") == 1]
    counters = [_Counter(zone) for zone in zones if _readable(zone)]
    if not counters:
        return lambda: None
    return lambda: sum(counter.read() for counter in counters)


class _Counter:
    """One package's counter, which wraps around, as a number that only grows."""

    def __init__(self, zone: Path) -> None:
        self._file = zone / "energy_uj"
        self._range = _number(zone / "max_energy_range_uj") + 1
        self._last = _number(self._file)
        self._wrapped = 0

    def read(self) -> int:
        now = _number(self._file)
        if now < self._last:
            self._wrapped += self._range
        self._last = now
        return self._wrapped + now


def _readable(zone: Path) -> bool:
    try:
        return _number(zone / "energy_uj") >= 0 and _number(zone / "max_energy_range_uj") > 0
    except (OSError, ValueError):
        return False


def _number(path: Path) -> int:
    return int(path.read_text())
