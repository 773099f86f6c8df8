"""What a begun search keeps in its run folder: files change, a search goes on as it was begun."""

from pathlib import Path

import numpy as np
from msgspec import Struct

from proxyless_nas import Space, named_space
from proxyless_nas.files import read_json
from search.prices import Prices
from training.run_folder import keep_same

SPACE = "space.json"
PRICES = "prices.json"


class PriceList(Struct, frozen=True, forbid_unknown_fields=True):
    """`Prices` as a file: per table the fixed part and a row per knob."""

    unit: str
    tables: tuple[tuple[float, tuple[tuple[float, ...], ...]], ...]

    def prices(self) -> Prices:
        """What was written."""
        first, *others = [(fixed, [np.array(row) for row in rows]) for fixed, rows in self.tables]
        return Prices(*first, self.unit, others)

    @staticmethod
    def of(prices: Prices) -> "PriceList":
        """All of them, to the last bit."""
        tables = tuple(
            (fixed, tuple(tuple(row.tolist()) for row in rows)) for fixed, rows in prices.tables()
        )
        return PriceList(prices.unit, tables)


def keep(folder: Path, space: Space, prices: Prices) -> None:
    """Write space.json and prices.json; ValueError where the search was begun with others."""
    keep_same(folder / SPACE, space, space.name)
    keep_same(folder / PRICES, PriceList.of(prices), "what the options cost")


def kept_space(folder: Path, name: str) -> Space:
    """The space of the search in `folder`: what was kept there, else what has that name now."""
    file = folder / SPACE
    return read_json(file, Space) if file.exists() else named_space(name)


def kept_prices(folder: Path) -> Prices | None:
    """Those that the search in `folder` was begun with; None where it kept none."""
    file = folder / PRICES
    return read_json(file, PriceList).prices() if file.exists() else None


def space_to_search(folder: Path, name: str) -> Space:
    """What has that `name`; where its file is gone, what a search in `folder` has kept of it."""
    gone = Path(name).suffix in (".yaml", ".yml") and not Path(name).exists()
    return kept_space(folder, name) if gone else named_space(name)
