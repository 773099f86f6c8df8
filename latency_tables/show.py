"""Print a table for people: its head, its calibration, its entries by price."""

from latency_tables.shipped import shipped_tables
from latency_tables.table import LatencyTable


def listing(table: LatencyTable) -> list[str]:
    """The lines of `python -m latency_tables show`."""
    width = max(len(key) for key in table.entries)
    rows = sorted(table.entries.items(), key=lambda pair: -pair[1].ms)
    return [
        *head_lines(table),
        "",
        f"{'entry':<{width}} {'ms':>9} {'p50 ms':>9} {'+-':>6} {'visits':>6} "
        f"{'MMACs':>8} {'weight kB':>10}",
        *(
            f"{key:<{width}} {entry.ms:>9.4f} {_or_dash(entry.p50_ms, '9.4f')} "
            f"{_or_dash(entry.confidence, '6.1%')} {_or_dash(entry.visits, '6')} "
            f"{entry.macs / 1e6:>8.3f} {entry.weight_bytes / 1e3:>10.2f}"
            for key, entry in rows
        ),
    ]


def shipped_listing() -> list[str]:
    """A line for every shipped table."""
    rows: list[str] = ["shipped tables; --table NAME shows one, and other commands take it by name"]
    for name in shipped_tables():
        table = LatencyTable.load(name, allow_contended=True)
        fit = table.calibration
        error = "not calibrated" if fit is None else f"error {fit.mape:.2%} on whole networks"
        device = table.head.identity.device
        rows.append(f"{name}  {len(table.entries)} entries, {device}, {error}")
    return rows


def head_lines(table: LatencyTable) -> list[str]:
    """Where a table comes from, and how far it may be trusted."""
    head, fit = table.head, table.calibration
    identity = head.identity
    if head.source is not None:
        measured = f"imported   from {head.source}, dialect {head.dialect}, {head.date}"
    else:
        measured = (
            f"measured   {head.date}, load {_or_dash(head.load_before, '1.2f')} to "
            f"{_or_dash(head.load_after, '1.2f')}, sentinel {_or_dash(head.sentinel_ms, '1.4f')} "
            f"ms, empty call {head.empty_ms:.4f} ms"
        )
    protocol = identity.protocol
    return [
        f"space      {identity.space}, {len(table.entries)} entries ({identity.granularity}, "
        f"{identity.context}), {identity.dtype}, batch {identity.batch}, threads "
        f"{identity.threads}",
        f"device     {identity.device}",
        f"runtime    {identity.runtime.name}, version {identity.runtime.version}",
        measured,
        f"clock      {protocol.clock if protocol else 'not known'}",
        f"contended  {head.reason or 'no'}",
        "calibrated "
        + (
            ("no" if head.source is not None else "no: run `python -m latency_tables check`")
            if fit is None
            else f"{fit.formula}, error {fit.mape:.2%} on {fit.test} networks"
        ),
    ]


def _or_dash(value: float | None, form: str) -> str:
    """A number, or a dash of the same width where there is none."""
    width = int(form.split(".")[0].rstrip("f%"))
    return f"{'-':>{width}}" if value is None else f"{value:>{form}}"
