"""Do our formulas of BISMO and BitFusion give the latencies and energies that HAQ published?

Each figure of the paper's tables 3 to 5 at uniform bits beside ours, for MobileNets of 224 x 224
pixels. On BISMO the first convolution and the classifier are left out, as the paper's cloud figures
are to the last digit; on BitFusion all layers count. With `--table`, HAQ's own table of cycles too.

The formula for BISMO was found in that table, for the cloud's MobileNet-V2. So it is judged by the
cloud's MobileNet-V1, which is exact too, and by the edge, where one choice was made: depthwise
channels are not packed. MobileNet-V1 lacks 2.3 ms there at 4, 5 and 6 bits. That is about what the
two layers that are left out take at 8 bits, 2.2 ms; perhaps those rows count them.
"""

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from latency_tables.simulate.presets import HARDWARE, HardwareName, open_hardware
from latency_tables.simulate.pricing import network_mj, network_ms, without_ends
from proxyless_nas import Layer, load_spec
from proxyless_nas.bits import read_bits, uniform
from proxyless_nas.command import Command, run_one
from proxyless_nas.drawing.tables import table_lines

Unit = Literal["ms", "mJ"]
V1, V2 = "mobilenet_v1", "mobilenet_v2"
BISMO_BITS = ("4", "5", "6", "8")
FUSION_BITS = ("4", "w6a4", "6", "8")
PUBLISHED: tuple[tuple[HardwareName, str, Unit, tuple[str, ...], tuple[float, ...]], ...] = (
    ("bismo-edge", V1, "ms", BISMO_BITS, (45.45, 57.75, 70.67, 96.20)),
    ("bismo-edge", V2, "ms", BISMO_BITS, (52.15, 66.94, 82.49, 115.84)),
    ("bismo-cloud", V1, "ms", BISMO_BITS, (57.49, 77.52, 99.86, 151.09)),
    ("bismo-cloud", V2, "ms", BISMO_BITS, (74.46, 99.43, 127.07, 189.82)),
    ("bitfusion", V1, "ms", FUSION_BITS, (7.86, 11.10, 19.99, 20.08)),
    ("bitfusion", V1, "mJ", FUSION_BITS, (13.47, 16.57, 26.80, 31.03)),
)


class HardwareConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Print HAQ's published figures beside ours."""

    table: str | None = None
    """HAQ's qmobilenetv2_imagenet100_batch16_latency_table.npy, for rows of its own."""


class Figure(Struct, frozen=True):
    """A figure of the paper and ours, in `unit`."""

    hardware: str
    network: str
    bits: str
    unit: Unit
    paper: float
    ours: float

    @property
    def error(self) -> float:
        """Ours over the paper's, less one."""
        return self.ours / self.paper - 1


def figures(table: str | None = None) -> list[Figure]:
    """All of them; those of the table of cycles, if there is one, last."""
    layers = {name: load_spec(name).layers() for name in (V1, V2)}
    found: list[Figure] = []
    for hardware, network, unit, bits, paper in PUBLISHED:
        counted = layers[network] if hardware == "bitfusion" else without_ends(layers[network])
        machine = HARDWARE[hardware]
        price = network_ms if unit == "ms" else network_mj
        for text, value in zip(bits, paper, strict=True):
            ours = price(machine, counted, uniform(counted, read_bits(text)))
            found.append(Figure(hardware, network, text, unit, value, ours))
    return found if table is None else found + _recorded(table, layers[V2])


def _recorded(table: str, layers: Sequence[Layer]) -> list[Figure]:
    machine, counted = open_hardware(table, layers), without_ends(layers)
    (paper,) = (row[-1] for row in PUBLISHED if row[:2] == ("bismo-cloud", V2))
    return [
        Figure(
            "HAQ's table", V2, text, "ms", value,
            network_ms(machine, counted, uniform(counted, read_bits(text))),
        )
        for text, value in zip(BISMO_BITS, paper, strict=True)
    ]  # fmt: skip


def main(config: HardwareConfig) -> None:
    """Print one table."""
    rows = [
        (one.hardware, one.network, one.bits, one.unit, f"{one.paper:.2f}", f"{one.ours:.2f}",
         f"{100 * one.error:+.2f}")
        for one in figures(config.table)
    ]  # fmt: skip
    head = ("hardware", "network", "bits", "unit", "paper", "ours", "error, %")
    print("\n".join(table_lines(head, rows, left=4)))


if __name__ == "__main__":
    run_one("python -m benchmarks.simulated_hardware", Command(HardwareConfig, main))
