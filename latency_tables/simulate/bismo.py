"""BISMO, a bit-serial overlay for FPGAs: time and energy of a layer, as products of matrices."""

from collections.abc import Callable

from latency_tables.simulate.base import PICOJOULES, Hardware
from latency_tables.simulate.bit_serial import Array, Operand, product_cycles, product_words
from latency_tables.simulate.dense import dense_parts, kernel_area, positions
from proxyless_nas.bits import Bits
from proxyless_nas.layer import Layer


class Bismo(Hardware, frozen=True, kw_only=True):
    """The two configurations of HAQ (table 2 of the paper) differ in side, batch and packing.

    Sources. Side and batch: the paper. Words of 256 digits, 1024 words per row and 200 MHz are
    BISMO's own (github.com/EECS-NTNU/bismo: 8 x 256 x 8 on a Zynq-7020, whose 140 block RAMs these
    buffers nearly fill), and with them HAQ's published table comes out (`bit_serial`). A
    convolution is a product [positions, inputs x kernel area] x [.., outputs] per image; a linear
    map takes all images of the batch, and all positions, at once.

    A depthwise convolution puts `packed` channels into one product, whose matrix is zero between
    different channels: 16 in the cloud, as the table says, and 1 at the edge, which is a
    calibration on the paper's 8 latencies there. Other grouped convolutions, which HAQ's networks
    have not, are computed group by group: an assumption.

    Energy is an assumption too, HAQ gives none. BISMO's authors report 15.4 binary tera-operations
    per second below 8 W on an Ultra96, so 1.04 pJ per AND with its accumulation is an upper bound
    of their array; 15 pJ per bit between memory and chip is the constant of the BitFusion
    simulator, paid here for padded words, as they are fetched.
    """

    side: int
    packed: int
    word: int = 256
    depth: int = 1024
    clock_mhz: float = 200.0
    pj_per_operation: float = 1.04
    pj_per_bit: float = 15.0

    @property
    def array(self) -> Array:
        """What `bit_serial` must know of it."""
        return Array(self.side, self.word, self.depth)

    def _cycles(self, layer: Layer, bits: Bits) -> int:
        return self._sum_over_products(product_cycles, layer, bits)

    def _millijoules(self, layer: Layer, bits: Bits) -> float:
        words = self._sum_over_products(product_words, layer, bits)
        operations = self.batch * layer.macs * bits.weights * bits.activations
        fetched = words * self.word * self.pj_per_bit
        return (operations * self.pj_per_operation + fetched) / PICOJOULES

    def _sum_over_products(
        self, price: Callable[[Operand, Operand, int, Array], int], layer: Layer, bits: Bits
    ) -> int:
        calls, rows = self.batch, positions(layer)
        if layer.kind == "linear":
            calls, rows = 1, calls * rows
        return calls * sum(
            part.times
            * price(
                Operand(rows, bits.activations),
                Operand(part.outputs, bits.weights),
                part.inputs * kernel_area(layer),
                self.array,
            )
            for part in dense_parts(layer, self.packed)
        )
