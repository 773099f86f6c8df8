"""Laws of the table file and of the prices made from it."""

import pytest
from msgspec import structs

from latency_tables import Calibration, LatencyTable, Macs, Parameters, TableLatency, signature
from latency_tables.cost import CostModel
from proxyless_nas import MBConv, Shape, Skip, named_space
from tests.latency_tables.helpers import EMPTY_MS, made_up_price, made_up_table

SPACE = named_space("smoke")
SPECS = [SPACE.network(options) for options in ([0, 0, 0, 0], [3, 4, 2, 4], [1, 2, 3, 1])]
FIT = Calibration(2.0, 5.0, 0.25, 12, 30, 0.5, 0.01, 0.03, 0.01, "today", 0.125)
TABLE = made_up_table(SPACE)
CALIBRATED = structs.replace(TABLE, calibration=FIT)
COSTS = [TableLatency(TABLE), TableLatency(CALIBRATED), Macs(), Parameters()]


@pytest.mark.parametrize("cost", COSTS, ids=lambda cost: type(cost).__name__)
@pytest.mark.parametrize("spec", SPECS)
def test_a_network_costs_the_fixed_part_plus_its_blocks(cost: CostModel, spec) -> None:
    parts = sum(cost.block(block, shape) for _, block, shape in spec.placed())
    assert cost.network(spec) == pytest.approx(cost.fixed() + parts)
    assert cost.unit in ("ms", "MACs", "parameters")


@pytest.mark.parametrize("spec", SPECS)
def test_counted_costs_are_those_of_the_spec(spec) -> None:
    assert Macs().network(spec) == spec.macs
    assert Parameters().network(spec) == spec.parameters


def test_an_uncalibrated_price_is_the_entry_without_the_empty_call() -> None:
    placed = SPACE.blocks()[0]
    expected = made_up_price(placed) - EMPTY_MS
    assert TableLatency(TABLE).block(*placed) == pytest.approx(expected)
    assert TableLatency(TABLE).fixed() == EMPTY_MS


def test_a_calibrated_price_is_a_times_work_plus_b_plus_c_per_megabyte_and_d_once() -> None:
    placed = SPACE.blocks()[0]
    megabytes = TABLE.entries_of([placed])[0].weight_bytes / 1e6
    expected = 2.0 * (made_up_price(placed) - EMPTY_MS) + 0.125 + 5.0 * megabytes
    assert TableLatency(CALIBRATED).block(*placed) == pytest.approx(expected)
    assert TableLatency(CALIBRATED).fixed() == 0.25


def test_a_skip_costs_nothing_and_needs_no_entry() -> None:
    for cost in COSTS:
        assert cost.block(Skip(), Shape(77, 3, 3)) == 0


def test_a_table_reads_back_as_it_was_written_wherever_it_lies(tmp_path) -> None:
    CALIBRATED.save(tmp_path / "a.json")
    (tmp_path / "a.json").rename(tmp_path / "b.json")
    table = LatencyTable.load(tmp_path / "b.json")
    assert structs.replace(table, path="") == CALIBRATED
    assert table.path == str(tmp_path / "b.json")


def test_a_gap_names_the_entry_the_table_and_the_command_that_fills_it(tmp_path) -> None:
    placed = SPACE.blocks()[0]
    key = signature(*placed)
    entries = {name: entry for name, entry in TABLE.entries.items() if name != key}
    table = structs.replace(TABLE, entries=entries).save(tmp_path / "t.json")
    with pytest.raises(LookupError) as caught:
        TableLatency(table).network(SPECS[0])
    (message,) = caught.value.args
    command = f"python -m latency_tables measure --space smoke --out {tmp_path / 't.json'}"
    assert key in message and message.endswith(command) and str(tmp_path / "t.json") in message


def test_a_gap_outside_the_space_asks_for_the_network_that_has_it() -> None:
    with pytest.raises(LookupError, match="--network SPEC"):
        TableLatency(TABLE).block(MBConv(8, 13, 3), Shape(8, 7, 7))


@pytest.mark.parametrize("part", [0.0, 0.3, 0.9])
def test_a_torn_file_is_an_error_that_names_it_and_the_way_out(tmp_path, part: float) -> None:
    path = tmp_path / "t.json"
    TABLE.save(path)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * part)])
    with pytest.raises(ValueError, match=r"t\.json.*latency_tables measure"):
        LatencyTable.load(path)


def test_a_missing_file_names_the_command_that_makes_it(tmp_path) -> None:
    with pytest.raises(FileNotFoundError, match="latency_tables measure"):
        LatencyTable.load(tmp_path / "none.json")


def test_an_entry_that_took_no_time_is_refused(tmp_path) -> None:
    key, entry = next(iter(TABLE.entries.items()))
    entries = {key: structs.replace(entry, p10_ms=0.0)}
    structs.replace(TABLE, entries=entries).save(tmp_path / "t.json")
    with pytest.raises(ValueError, match=key):
        LatencyTable.load(tmp_path / "t.json")


def test_a_contended_table_is_refused_unless_that_is_allowed(tmp_path) -> None:
    head = structs.replace(TABLE.head, contended=True, reason="a neighbour")
    structs.replace(TABLE, head=head).save(tmp_path / "t.json")
    assert LatencyTable.load(tmp_path / "t.json", allow_contended=True).head.contended
    with pytest.raises(ValueError, match=r"a neighbour.*--fresh.*--allow-contended"):
        LatencyTable.load(tmp_path / "t.json")
