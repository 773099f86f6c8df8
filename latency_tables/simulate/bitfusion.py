"""BitFusion, a systolic array whose units fuse for more bits: time and energy of one layer."""

from latency_tables.simulate.base import PICOJOULES, Hardware
from latency_tables.simulate.dense import (
    ceil_div,
    dense_parts,
    is_depthwise,
    kernel_area,
    positions,
)
from proxyless_nas.bits import Bits
from proxyless_nas.layer import Layer


class BitFusion(Hardware, frozen=True, kw_only=True):
    """Sharma et al., "Bit Fusion", ISCA 2018, as HAQ's figures for MobileNet-V1 have it.

    Each of `rows` x `columns` units takes one product of 8 x 8 bits per cycle; twice as many for an
    operand of 3 or 4 bits, four times as many for one of 1 or 2. So 5, 6 and 7 bits are as slow as
    8, only what is moved shrinks. A layer takes as long as its products or its traffic, whichever
    is more. Moved are its weights, its input, and its outputs as partial sums of 32 bits, written
    and read, padded to whole columns.

    Sources. Rates, 500 MHz, partial sums, padding, and the window that a first layer has unrolled:
    the authors' simulator (github.com/hsharma35/bitfusion), and 16 x 32 units the larger of its
    configurations. Here windows are unrolled where a group has fewer input channels than the array
    has rows. Calibrated on HAQ's four latencies: a bus of 128 bits per cycle, and depthwise
    convolutions as dense blocks of `depthwise` channels times the rate. Assumed: other grouped
    convolutions are computed group by group, and everything is fetched once, though not all tiles
    fit into the buffers.

    Energy is calibrated on HAQ's four energies, with two numbers: per bit between memory and chip
    (the simulator has 15 pJ) and, for array and buffers, per multiply-accumulate and bit of its
    two operands.
    """

    rows: int = 16
    columns: int = 32
    clock_mhz: float = 500.0
    batch: int = 1
    bus_bits: int = 128
    depthwise: int = 4
    sum_bits: int = 32
    pj_per_bit: float = 14.2
    pj_per_operand_bit: float = 1.34

    def _cycles(self, layer: Layer, bits: Bits) -> int:
        moving = ceil_div(self._moved_bits(layer, bits), self.bus_bits)
        return self.batch * max(self._computing(layer, bits), moving)

    def _millijoules(self, layer: Layer, bits: Bits) -> float:
        moved = self._moved_bits(layer, bits) * self.pj_per_bit
        operands = layer.macs * (bits.weights + bits.activations)
        return self.batch * (moved + operands * self.pj_per_operand_bit) / PICOJOULES

    def _computing(self, layer: Layer, bits: Bits) -> int:
        """Cycles of the array for one image."""
        window, at_once = kernel_area(layer), self.rows * _rate(bits)
        cycles = 0
        for part in dense_parts(layer, self.depthwise * _rate(bits)):
            if part.inputs < self.rows and not is_depthwise(layer):
                sums = ceil_div(part.inputs * window, at_once)
            else:
                sums = window * ceil_div(part.inputs, at_once)
            cycles += part.times * sums * ceil_div(part.outputs, self.columns)
        return cycles * positions(layer)

    def _moved_bits(self, layer: Layer, bits: Bits) -> int:
        """Between memory and chip, for one image."""
        values = layer.input.channels * layer.input.height * layer.input.width
        columns = self.columns * sum(
            part.times * ceil_div(part.outputs, self.columns)
            for part in dense_parts(layer, self.depthwise * _rate(bits))
        )
        sums = 2 * self.sum_bits * columns * positions(layer)
        return layer.weights * bits.weights + values * bits.activations + sums


def _rate(bits: Bits) -> int:
    """Products per unit and cycle."""
    return _fused(bits.weights) * _fused(bits.activations)


def _fused(bits: int) -> int:
    return 4 if bits <= 2 else 2 if bits <= 4 else 1
