"""Write a table's charts into a folder: one page with all of them, and each as a picture."""

from pathlib import Path

from latency_tables.charts.entries import slowest_chart, work_chart
from latency_tables.charts.stages import stage_chart
from latency_tables.show import head_lines
from latency_tables.table import LatencyTable
from proxyless_nas.drawing.page import Chart, write_page, write_svg
from proxyless_nas.network import NetworkSpec
from proxyless_nas.spaces import named_space

PAGE = "table.html"


def write_charts(
    table: LatencyTable, folder: str | Path, network: NetworkSpec | None = None
) -> list[str]:
    """Draw into `folder` (made where it is missing); returns lines that say what was written.

    The stages are those of `network`, by default of the table's space. Where the table does not
    price all of its space, that chart is left out, and a line says so; a gap in `network` is a
    LookupError.
    """
    charts: dict[str, Chart] = {"work": work_chart(table), "slowest": slowest_chart(table)}
    said: list[str] = []
    if network is not None:
        charts["stages"] = stage_chart(table, network)
    else:
        name = table.head.identity.space
        try:
            charts["stages"] = stage_chart(table, named_space(name))
        except (LookupError, ValueError) as error:
            said.append(f"no chart of stages: {error}")
    for name, chart in charts.items():
        write_svg(Path(folder) / f"{name}.svg", chart)
    title = f"Latency table: {table.head.identity.device}"
    lines = [" ".join(line.split()) for line in head_lines(table)]
    write_page(Path(folder) / PAGE, title, "; ".join(lines), list(charts.values()))
    written = ", ".join(f"{name}.svg" for name in charts)
    return [*said, f"{Path(folder) / PAGE}, and in the same folder {written}"]
