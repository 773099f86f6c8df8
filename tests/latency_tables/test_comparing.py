"""Laws of comparing two tables: what agreement means, and what is said where there is none."""

import numpy as np
import pytest
from msgspec import structs

from latency_tables import Calibration, LatencyTable
from latency_tables.__main__ import COMMANDS
from latency_tables.comparing import apart_at_equal, compare_tables, lines, place_of_chosen
from latency_tables.statistics import ranks
from proxyless_nas import named_space
from proxyless_nas.command import run_many
from tests.latency_tables.helpers import made_up_table

SPACE = named_space("smoke")
TABLE = made_up_table(SPACE)


def changed(price) -> LatencyTable:
    """The table with each entry's price passed through a function of (MACs, price)."""
    entries = {
        key: structs.replace(entry, p10_ms=price(entry.macs, entry.ms))
        for key, entry in TABLE.entries.items()
    }
    return structs.replace(TABLE, entries=entries, head=structs.replace(TABLE.head, empty_ms=0.0))


def ranking(found, by: str, on: str):
    assert found.networks is not None
    return next(each for each in found.networks.rankings if (each.by, each.on) == (by, on))


def test_a_table_agrees_with_itself_in_everything() -> None:
    found = compare_tables(TABLE, TABLE, networks=40)
    assert len(found.shared) == len(TABLE.entries) and found.only_a == found.only_b == 0
    assert set(found.ratios) == {1.0}
    assert found.spearman == pytest.approx(1) and found.kendall == pytest.approx(1)
    same = ranking(found, "A", "B")
    assert same.spearman == pytest.approx(1) and same.kendall == pytest.approx(1)
    assert found.networks and same.place == pytest.approx(found.networks.best_place)
    assert all(mine == theirs for _, mine, theirs in found.heads)


def test_a_device_that_is_slower_by_one_factor_ranks_alike() -> None:
    found = compare_tables(changed(lambda _, ms: ms), changed(lambda _, ms: 8 * ms), networks=40)
    assert found.ratios == pytest.approx([8.0] * len(TABLE.entries))
    assert ranking(found, "A", "B").spearman == pytest.approx(1)


def test_macs_rank_perfectly_where_work_alone_decides_and_their_networks_are_not_apart() -> None:
    by_work = changed(lambda macs, _: 1e-6 * macs)
    found = compare_tables(TABLE, by_work, networks=40)
    assert ranking(found, "MACs", "B").spearman == pytest.approx(1)
    assert ranking(found, "MACs", "A").spearman < 1
    assert found.networks is not None
    assert found.networks.apart["B"][1] < 0.0201


def test_the_place_of_the_chosen_is_best_in_agreement_and_worst_against() -> None:
    order = np.arange(100.0)
    assert place_of_chosen(order, order) == pytest.approx(4.5 / 99)
    assert place_of_chosen(order, -order) == pytest.approx(94.5 / 99)
    assert place_of_chosen(order, np.ones(100)) == pytest.approx(0.5)
    assert ranks([3, 1, 3]).tolist() == [1.5, 0, 1.5]


def test_networks_of_equal_work_are_as_far_apart_as_their_times() -> None:
    assert apart_at_equal([100, 101, 200], [1.0, 1.5, 9.0]) == pytest.approx((0.5, 0.5))
    assert apart_at_equal([100, 200], [1.0, 1.5]) is None


def test_a_calibration_changes_networks_and_no_entry() -> None:
    fit = Calibration(1.0, 1000.0, 0.0, 12, 30, 0.1, 0.01, 0.1, 0.01, "today")
    found = compare_tables(TABLE, structs.replace(TABLE, calibration=fit), networks=40)
    assert set(found.ratios) == {1.0}
    assert ranking(found, "A", "B").spearman < 1


def test_a_table_that_cannot_price_the_networks_is_still_compared_and_the_gap_is_named() -> None:
    keys = list(TABLE.entries)
    part = structs.replace(TABLE, entries={key: TABLE.entries[key] for key in keys[:6]})
    found = compare_tables(TABLE, part, networks=40)
    assert (len(found.shared), found.only_a, found.only_b) == (6, len(keys) - 6, 0)
    assert found.networks is None
    assert "no networks were compared" in lines(found)[-1] and keys[-1] in lines(found)[-1]


def test_two_tables_with_nothing_in_common_have_no_ratios() -> None:
    other = made_up_table(named_space("fashion"))
    found = compare_tables(TABLE, other, networks=40)
    assert not found.shared and not found.ratios
    assert any("0 shared" in line for line in lines(found))


@pytest.mark.parametrize("ending", ["html", "svg"])
def test_the_command_prints_both_heads_and_draws(tmp_path, capsys, ending) -> None:
    TABLE.save(tmp_path / "a.json")
    changed(lambda macs, ms: ms + 1e-6 * macs).save(tmp_path / "b.json")
    plot = tmp_path / f"c.{ending}"
    words = f"compare --table {tmp_path}/a.json --other {tmp_path}/b.json --networks 30".split()
    with pytest.raises(SystemExit) as end:
        run_many("python -m latency_tables", COMMANDS, [*words, "--plot", str(plot)])
    said = capsys.readouterr().out
    assert not end.value.code and "Spearman" in said and str(tmp_path / "b.json") in said
    assert f"</{ending}>" in plot.read_text()
    with pytest.raises(SystemExit) as end:
        run_many("python -m latency_tables", COMMANDS, [*words, "--plot", "c.png"])
    assert end.value.code == 2 and ".svg" in capsys.readouterr().err
