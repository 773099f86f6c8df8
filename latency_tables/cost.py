"""What a network costs, measured or counted, each in its unit, behind one interface."""

from functools import lru_cache
from typing import Protocol

from msgspec import Struct

from latency_tables.memory import peak_values
from latency_tables.parts import bytes_in_float
from latency_tables.table import LatencyTable
from proxyless_nas.blocks import AnyBlock, BatchNorm
from proxyless_nas.layer import FLOAT_BYTES, Shape
from proxyless_nas.network import NetworkSpec


class CostModel(Protocol):
    """What a network costs, in one unit, as a whole and block by block.

    Where `separable`, network(spec) = fixed() + the sum of block(...) over all its blocks: then the
    expected price of a distribution over blocks is the expectation taken edge by edge, which is
    what gradient search needs (see `latency_tables.expected`). Otherwise the network costs as much
    as its most expensive block.
    """

    @property
    def unit(self) -> str:
        """What the numbers count."""
        ...

    @property
    def separable(self) -> bool:
        """Whether blocks add up."""
        ...

    def block(self, block: AnyBlock, shape: Shape) -> float:
        """What a network costs more because it has this block on this input."""
        ...

    def fixed(self) -> float:
        """What every network costs, whatever its blocks."""
        ...

    def network(self, spec: NetworkSpec) -> float:
        """The price of a whole network."""
        ...


class _Separable(Struct, frozen=True):
    @property
    def separable(self) -> bool:
        return True

    def block(self, block: AnyBlock, shape: Shape) -> float:
        raise NotImplementedError

    def fixed(self) -> float:
        return 0.0

    def network(self, spec: NetworkSpec) -> float:
        return self.fixed() + sum(self.block(block, shape) for _, block, shape in spec.placed())


class TableLatency(_Separable, frozen=True):
    """Milliseconds from a table: a * (p10 - empty) + b + c * weight megabytes per entry, d once.

    `empty` is the time of a call that computes nothing, which a network pays once and the sum of
    entries pays per block. A table without calibration prices with a = 1, b = c = 0, d = empty,
    which is 1 to 20 % off (see `python -m latency_tables check`).

    A skip costs nothing and needs no entry; any other block without an entry is a LookupError
    that names the command which measures it, and `network` names all that are missing at once.
    """

    table: LatencyTable

    @property
    def unit(self) -> str:
        return "ms"

    def block(self, block: AnyBlock, shape: Shape) -> float:
        return sum(map(self.table.price_ms, self.table.entries_of([(block, shape)])))

    def fixed(self) -> float:
        fit = self.table.calibration
        return self.table.head.empty_ms if fit is None else fit.d

    def network(self, spec: NetworkSpec) -> float:
        placed = [(block, shape) for _, block, shape in spec.placed()]
        return self.fixed() + sum(map(self.table.price_ms, self.table.entries_of(placed)))


class Macs(_Separable, frozen=True):
    """Multiply-accumulates for one image."""

    @property
    def unit(self) -> str:
        return "MACs"

    def block(self, block: AnyBlock, shape: Shape) -> float:
        return float(sum(layer.macs for layer in block.layers("", shape)))


class Parameters(_Separable, frozen=True):
    """Trainable parameters."""

    @property
    def unit(self) -> str:
        return "parameters"

    def block(self, block: AnyBlock, shape: Shape) -> float:
        return float(sum(layer.parameters for layer in block.layers("", shape)))


class WeightBytes(_Separable, frozen=True):
    """Bytes of weights at `bits` each, and of one float32 bias per channel where a norm is folded.

    ValueError for bits that are not between 1 and 32.
    """

    bits: int = 32

    def __post_init__(self) -> None:
        if not 1 <= self.bits <= 32:
            raise ValueError(f"{self.bits} bits per weight: not between 1 and 32")

    @property
    def unit(self) -> str:
        return "bytes"

    def block(self, block: AnyBlock, shape: Shape) -> float:
        layers = block.layers("", shape)
        weights = sum(layer.weights for layer in layers)
        return weights * self.bits / 8 + bytes_in_float(layers) - FLOAT_BYTES * weights


class PeakActivation(Struct, frozen=True):
    """Bytes of the feature maps that must be kept at once (see `latency_tables.memory`).

    Blocks run one after another, so a network needs as much as its most demanding block.
    """

    bits: int = 32

    @property
    def unit(self) -> str:
        return "bytes"

    @property
    def separable(self) -> bool:
        return False

    def block(self, block: AnyBlock, shape: Shape) -> float:
        return _peak_values(block, shape) * self.bits / 8

    def fixed(self) -> float:
        return 0.0

    def network(self, spec: NetworkSpec) -> float:
        return max(self.block(block, shape) for _, block, shape in spec.placed())


class TableEnergy(_Separable, frozen=True):
    """Millijoules of the whole package per call, the sum of a table's entries.

    Nothing is calibrated here: the energy of whole networks is not measured. LookupError where
    the table has none, because the device does not report it.
    """

    table: LatencyTable

    @property
    def unit(self) -> str:
        return "mJ"

    def block(self, block: AnyBlock, shape: Shape) -> float:
        total = 0.0
        for entry in self.table.entries_of([(block, shape)]):
            if entry.energy_mj is None:
                raise LookupError(
                    f"{self.table.path or 'this table'} has no energies: measure it where the "
                    "device reports them (Linux with RAPL, readable by root only)"
                )
            total += entry.energy_mj
        return total


@lru_cache(maxsize=4096)
def _peak_values(block: AnyBlock, shape: Shape) -> int:
    return peak_values(block.build(shape, BatchNorm()), shape)
