"""A search goes on in the space, and by the prices, with which it was begun."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from latency_tables.shipped import shipped_tables
from proxyless_nas import Space, named_space
from proxyless_nas.files import read_json
from proxyless_nas.spaces import LAYOUTS, TREES
from search.config import RandomConfig
from search.kept import PRICES, SPACE, PriceList, keep, kept_prices, kept_space
from search.prepare import prices_of
from search.prices import Prices
from search.problems import Architecture
from search.show import PAGE, ShowConfig, show
from tests.search.running import run, tiny

MOBILE = "imagenet-mobile"
MINE = """
input: [1, 28, 28]
classes: 10
stem: 8
first: 8
stages: [{width: 8, edges: 2, stride: 2, expansions: [3, 4.5]}]
mix: 16
kernels: [3, 5]
"""


@pytest.mark.parametrize("name", [*LAYOUTS, *TREES, "imagenet-mobile-w0.75-r160"])
def test_a_kept_space_is_the_space(name: str, tmp_path: Path) -> None:
    space = named_space(name)
    keep(tmp_path, space, Prices.free(space.counts))
    keep(tmp_path, space, Prices.free(space.counts))
    assert kept_space(tmp_path, "whatever its name means now") == space


def test_a_search_that_kept_no_space_has_the_one_of_its_name(tmp_path: Path) -> None:
    assert kept_space(tmp_path, "smoke") == named_space("smoke")


@pytest.mark.slow
def test_an_edited_space_is_refused_and_the_search_can_still_be_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, out = tmp_path / "mine.yaml", tmp_path / "run"
    file.write_text(MINE)
    config = replace(tiny("random", out), space=str(file), budget=())
    run(config)
    show(ShowConfig(run=str(out)))
    page = (out / PAGE).read_bytes()
    left = {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()}

    file.write_text(MINE.replace("kernels: [3, 5]", "kernels: [3, 7]"))  # as many candidates
    with pytest.raises(ValueError, match=rf"{file} has changed since .*{SPACE}.*another folder"):
        run(config)
    show(ShowConfig(run=str(out)))
    assert (out / PAGE).read_bytes() == page
    file.unlink()
    show(ShowConfig(run=str(out)))
    run(config)
    assert {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()} == left
    file.write_text(MINE + "# told in other words\n")
    run(config)
    assert capsys.readouterr().out.count("found a network:") == 3
    assert read_json(out / SPACE, Space) == named_space(str(file))


@pytest.mark.parametrize("change", ["fixed", "row", "unit", "widths"])
def test_other_prices_are_refused_and_nothing_is_written(change: str, tmp_path: Path) -> None:
    space = named_space("smoke")
    rows = [np.linspace(0.1, 0.3, count) for count in space.counts]
    keep(tmp_path, space, Prices(1.0, rows, "ms"))
    left = (tmp_path / PRICES).read_bytes()
    keep(tmp_path, space, Prices(1.0, rows, "ms"))
    others = {
        "fixed": Prices(np.nextafter(1.0, 2.0), rows, "ms"),
        "row": Prices(1.0, [*rows[:-1], rows[-1] + 1e-12], "ms"),
        "unit": Prices(1.0, rows, "MACs"),
        "widths": Prices(1.0, rows, "ms", [(1.0, rows)]),
    }
    with pytest.raises(ValueError, match=f"options cost has changed .*{PRICES}.*another folder"):
        keep(tmp_path, space, others[change])
    assert (tmp_path / PRICES).read_bytes() == left


def test_a_begun_search_whose_table_is_gone_goes_on_at_its_prices(tmp_path: Path) -> None:
    table, out = tmp_path / "table.json", tmp_path / "run"
    out.mkdir()
    shutil.copy(next(file for name, file in shipped_tables().items() if MOBILE in name), table)
    problem = Architecture(named_space(MOBILE))
    config = RandomConfig(out=str(out), space=MOBILE, table=str(table), budget=(20.0,))
    prices = prices_of(problem, config)
    keep(out, problem.space, prices)
    table.unlink()
    assert PriceList.of(prices_of(problem, config)) == PriceList.of(prices)
    keep(out, problem.space, prices_of(problem, config))
    with pytest.raises(FileNotFoundError, match=r"table\.json"):
        prices_of(problem, replace(config, out=str(tmp_path / "another")))


def test_kept_prices_are_the_prices_where_widths_are_a_choice_too(tmp_path: Path) -> None:
    space = named_space("smoke")
    rows = [np.linspace(0.1, 0.3, count) for count in space.counts]
    prices = Prices(1.0, rows, "ms", [(2.0, [row / 3 for row in rows])])
    assert kept_prices(tmp_path) is None
    keep(tmp_path, space, prices)
    kept = kept_prices(tmp_path)
    assert kept is not None and kept.counts == prices.counts
    options = [*(count - 1 for count in space.counts), 1]
    assert kept.of(options) == prices.of(options) and kept.unit == "ms"
