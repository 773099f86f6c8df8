"""Laws of every simulated machine, on every kind of layer, and of tables that others recorded."""

from itertools import pairwise

import numpy as np
import pytest
from msgspec import structs

from latency_tables.simulate.bit_serial import Array, Operand, product_cycles, product_words
from latency_tables.simulate.dense import dense_parts
from latency_tables.simulate.presets import HARDWARE, open_hardware
from latency_tables.simulate.pricing import network_mj, network_ms, price_table, without_ends
from latency_tables.simulate.recorded import load_recorded
from proxyless_nas import load_spec
from proxyless_nas.bits import Bits, Policy, uniform
from proxyless_nas.blocks.base import norm_layer
from proxyless_nas.layer import Layer, Shape

MACHINES = pytest.mark.parametrize("machine", HARDWARE.values(), ids=HARDWARE)
SMALL = load_spec("mobilenet_v2-w0.35").layers()
MAP = Shape(48, 14, 14)
DEPTHWISE = Layer("depthwise", "conv", MAP, MAP, 5, groups=48)
GROUPED = Layer("grouped", "conv", MAP, MAP, 3, groups=4)
DENSE = Layer("dense", "conv", MAP, MAP, 3)
POINTWISE = Layer("pointwise", "conv", MAP, Shape(100, 14, 14))
LINEAR = Layer("linear", "linear", Shape(700, 1, 1), Shape(10, 1, 1))
KINDS = (DEPTHWISE, GROUPED, DENSE, POINTWISE, LINEAR, Layer("wide", "conv", Shape(3, 32, 32),
         Shape(24, 16, 16), 7, 2, kernel_width=3))  # fmt: skip


@MACHINES
def test_more_bits_never_cost_less(machine) -> None:
    for price in (machine.cycles, machine.millijoules):
        table = price_table(price, KINDS)
        assert (table > 0).all()
        assert (np.diff(table, axis=1) >= 0).all() and (np.diff(table, axis=2) >= 0).all()
        assert (table[:, -1, -1] > table[:, 0, 0]).all()


@MACHINES
def test_a_network_costs_the_sum_of_its_layers_under_their_own_bits(machine) -> None:
    bits = {layer.name: Bits(1 + i % 8, 1 + i % 5) for i, layer in enumerate(SMALL)}
    policy = Policy("small", bits)
    ms, mj = (price_table(price, SMALL) for price in (machine.milliseconds, machine.millijoules))
    picked = [(i, one.weights - 1, one.activations - 1) for i, one in enumerate(bits.values())]
    assert network_ms(machine, SMALL, policy) == pytest.approx(sum(ms[at] for at in picked))
    assert network_mj(machine, SMALL, policy) == pytest.approx(sum(mj[at] for at in picked))
    rest = without_ends(SMALL)
    assert [layer.name for layer in rest] == [layer.name for layer in SMALL[1:-1]]
    ends = ms[picked[0]] + ms[picked[-1]]
    assert network_ms(machine, SMALL, policy) - network_ms(machine, rest, policy) == pytest.approx(
        ends
    )


@MACHINES
def test_a_batch_norm_costs_nothing_and_float_is_refused(machine) -> None:
    norm = norm_layer("norm", MAP)
    assert machine.cycles(norm, Bits(8, 8)) == machine.millijoules(norm, Bits(8, 8)) == 0
    for bits in (Bits(32, 8), Bits(8, 32)):
        for price in (machine.cycles, machine.milliseconds, machine.millijoules):
            with pytest.raises(ValueError, match=r"dense is float.*1 to 8 bits"):
                price(DENSE, bits)


@MACHINES
def test_groups_are_computed_one_by_one(machine) -> None:
    one = Layer("one", "conv", Shape(12, 14, 14), Shape(12, 14, 14), 3)
    for bits in (Bits(8, 8), Bits(2, 4)):
        assert machine.cycles(GROUPED, bits) == pytest.approx(4 * machine.cycles(one, bits), abs=4)


def test_a_depthwise_convolution_is_packed_where_the_machine_packs() -> None:
    cloud, bits = HARDWARE["bismo-cloud"], Bits(8, 8)
    one = Layer("one", "conv", Shape(1, 14, 14), Shape(1, 14, 14), 5)
    edge = HARDWARE["bismo-edge"]
    assert edge.cycles(DEPTHWISE, bits) == 48 * edge.cycles(one, bits)
    three = structs.replace(DEPTHWISE, kernel=3)
    block = Layer("block", "conv", Shape(16, 14, 14), Shape(16, 14, 14), 3)  # as if it were dense
    assert cloud.cycles(three, bits) == 3 * cloud.cycles(block, bits)
    odd = structs.replace(three, input=Shape(20, 14, 14), output=Shape(20, 14, 14), groups=20)
    assert [(one.times, one.inputs) for one in dense_parts(odd, 16)] == [(1, 16), (1, 4)]


def test_the_serial_array_is_never_faster_than_its_work_or_its_ports_and_seldom_far_from_it() -> (
    None
):
    array, ratios = Array(8, 64, 16), []
    for rows in (1, 7, 8, 9, 50, 333):
        for columns in (1, 8, 20, 129):
            for length in (9, 64, 200, 5000):
                for w, a in ((1, 1), (2, 8), (8, 2), (8, 8)):
                    left, right = Operand(rows, a), Operand(columns, w)
                    words = -(-length // 64)
                    work = -(-rows // 8) * -(-columns // 8) * words * w * a
                    least = max(work, rows * words * a, columns * words * w)
                    cycles = product_cycles(left, right, length, array)
                    assert cycles >= least
                    assert product_words(left, right, length, array) >= words * (
                        rows * a + columns * w
                    )
                    assert cycles == product_cycles(right, left, length, array)
                    ratios.append(cycles / least)
    assert np.median(ratios) < 1.6


def test_larger_buffers_never_cost_time_or_traffic() -> None:
    left, right = Operand(500, 8), Operand(300, 6)
    arrays = [Array(8, 64, depth) for depth in (16, 64, 256, 4096)]
    for price in (product_cycles, product_words):
        found = [price(left, right, 256, array) for array in arrays]
        assert all(before >= after for before, after in pairwise(found)) and found[0] > found[-1]
    assert product_words(left, right, 256, arrays[-1]) == 4 * (500 * 8 + 300 * 6)


def test_fusion_units_are_as_fast_at_3_bits_as_at_4_and_at_5_as_at_8() -> None:
    deep = Layer("deep", "conv", Shape(1024, 28, 28), Shape(256, 28, 28), 3)  # its bus has time
    table = price_table(HARDWARE["bitfusion"].cycles, [deep])[0]
    assert table[0, 0] == table[1, 1] and table[2, 2] == table[3, 3] and table[4, 4] == table[7, 7]
    assert table[7, 7] == 2 * table[7, 3] == 4 * table[3, 3] == 16 * table[1, 1]


def test_names_are_known_and_the_nearest_one_is_told() -> None:
    assert open_hardware("bitfusion", SMALL) is HARDWARE["bitfusion"]
    with pytest.raises(ValueError, match="did you mean bismo-edge"):
        open_hardware("bismo-egde", SMALL)


def test_a_recorded_table_is_read_by_the_places_of_its_layers(tmp_path) -> None:
    table = np.arange(1, 1 + 64 * len(KINDS)).reshape(-1, 8, 8)
    np.save(tmp_path / "t.npy", table)
    norm = norm_layer("norm", MAP)
    machine = open_hardware(str(tmp_path / "t.npy"), (norm, *KINDS))
    assert (price_table(machine.cycles, KINDS) == table).all()
    assert machine.milliseconds(KINDS[1], Bits(3, 5)) == table[1, 2, 4] / 200e3
    assert not machine.knows_energy
    with pytest.raises(LookupError, match="energy"):
        machine.millijoules(KINDS[1], Bits(3, 5))
    with pytest.raises(LookupError, match=r"stem\.conv"):
        machine.cycles(SMALL[0], Bits(3, 5))
    with pytest.raises(ValueError, match="float"):
        machine.cycles(KINDS[1], Bits(32, 32))


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (np.ones((3, 8, 8), int), "3 layers, the network calls 6"),
        (np.ones((6, 8), int), "no table of cycles"),
        (np.ones((6, 8, 8)), "no table of cycles"),
        (np.zeros((6, 8, 8), int), "no table of cycles"),
        (np.array([{}]), "no array of numpy"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(table, said: str, tmp_path) -> None:
    np.save(tmp_path / "t.npy", table, allow_pickle=True)
    with pytest.raises(ValueError, match=said) as error:
        load_recorded(tmp_path / "t.npy", KINDS)
    assert "t.npy" in str(error.value)


def test_a_missing_or_a_broken_file_is_named(tmp_path) -> None:
    with pytest.raises(FileNotFoundError, match=r"t\.npy"):
        load_recorded(tmp_path / "t.npy", KINDS)
    (tmp_path / "t.npy").write_bytes(b"")
    with pytest.raises(ValueError, match=r"t\.npy is no array"):
        load_recorded(tmp_path / "t.npy", KINDS)


def test_a_network_of_two_layers_has_no_inside() -> None:
    with pytest.raises(ValueError, match="first and its last"):
        without_ends(KINDS[:2])


def test_uniform_bits_are_those_of_a_table(tmp_path) -> None:
    machine = HARDWARE["bismo-edge"]
    table = price_table(machine.milliseconds, KINDS)
    found = network_ms(machine, KINDS, uniform(KINDS, Bits(2, 7)))
    assert found == pytest.approx(table[:, 1, 6].sum())
