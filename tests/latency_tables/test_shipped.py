"""Laws of the tables that come with the package."""

import pytest

from latency_tables import LatencyTable, TableLatency
from latency_tables.__main__ import COMMANDS
from latency_tables.check import check_table
from latency_tables.parts import parts_of
from latency_tables.shipped import shipped_tables
from proxyless_nas import hand_made, named_space
from proxyless_nas.command import run_many

NAMES = list(shipped_tables())


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_table_is_calm_calibrated_and_prices_its_whole_space(name: str) -> None:
    table = LatencyTable.load(name)
    identity, fit = table.head.identity, table.calibration
    space = named_space(identity.space)
    keys = {p.key for pair in space.blocks() for p in parts_of(*pair, identity.granularity)}
    assert table.entries.keys() == keys
    assert fit is not None and fit.test >= 30 and fit.mape < max(0.02, 1.3 * fit.noise_floor)
    whole = TableLatency(table).network(hand_made(identity.space))
    assert whole > 0.5 * sum(entry.ms for entry in table.entries.values()) / len(keys)


def test_every_runtime_is_shipped_that_a_user_of_a_cpu_would_ask_for() -> None:
    shipped = {name.removeprefix("imagenet-mobile-epyc-zen4-") for name in NAMES}
    assert {
        "onnxruntime-float32",
        "onnxruntime-int8",
        "eager-float32",
        "inductor-float32",
        "openvino-float32",
        "openvino-int8",
        "tvm-float32",
    } <= shipped


def test_shipped_tables_are_listed(capsys) -> None:
    assert NAMES
    with pytest.raises(SystemExit) as end:
        run_many("python -m latency_tables", COMMANDS, ["show"])
    assert end.value.code == 0
    said = capsys.readouterr().out
    assert all(name in said for name in NAMES)


def test_a_shipped_table_is_not_checked_in_place() -> None:
    with pytest.raises(ValueError, match="copy"):
        check_table(NAMES[0])
