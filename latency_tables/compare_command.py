"""The command `compare`: two tables side by side, printed and drawn."""

from pathlib import Path

from msgspec import Struct

from latency_tables.charts.comparison import comparison_charts
from latency_tables.comparing import compare_tables, lines, names_of
from latency_tables.table import LatencyTable
from proxyless_nas.drawing.page import write_page, write_svg


class CompareConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Say how far two tables agree, and how far MACs and parameters agree with them.

    Entries are compared as they stand, networks as each table predicts them.
    """

    table: str
    """Table A; its space is sampled."""
    other: str
    """Table B."""
    networks: int = 200
    """Number of networks."""
    seed: int = 0
    """Draws them."""
    plot: str | None = None
    """Draw it: FILE.html holds all charts, FILE.svg the first one."""
    allow_contended: bool = False
    """Take tables even though they were measured on a busy machine."""


def run_compare(config: CompareConfig) -> None:
    """The command."""
    if config.plot is not None and Path(config.plot).suffix not in (".html", ".svg"):
        raise ValueError(f"--plot {config.plot} must end with .html or .svg")
    a = LatencyTable.load(config.table, config.allow_contended)
    b = LatencyTable.load(config.other, config.allow_contended)
    found = compare_tables(a, b, config.networks, config.seed)
    print("\n".join(lines(found)))
    if config.plot is None:
        return
    charts = comparison_charts(a, b, found)
    if not charts:
        raise ValueError("the two tables share nothing that could be drawn")
    if config.plot.endswith(".svg"):
        write_svg(config.plot, charts[0])
    else:
        first, second = names_of(a, b)
        write_page(config.plot, "Two latency tables", f"A: {first}. B: {second}.", charts)
    print(f"\n{config.plot}")
