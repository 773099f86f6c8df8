"""Print a table for people: its head, its calibration, its entries by price."""

from latency_tables.table import LatencyTable


def listing(table: LatencyTable) -> list[str]:
    """The lines of `python -m latency_tables show`."""
    head, fit = table.head, table.calibration
    identity = head.identity
    width = max(len(key) for key in table.entries)
    rows = sorted(table.entries.items(), key=lambda pair: -pair[1].p10_ms)
    return [
        f"space      {identity.space}, {len(table.entries)} entries, {identity.dtype}, "
        f"batch {identity.batch}, {identity.threads} thread",
        f"device     {identity.device}",
        f"runtime    {identity.runtime.name} {identity.runtime.version}",
        f"measured   {head.date}, load {head.load_before:g} to {head.load_after:g}, "
        f"sentinel {head.sentinel_ms:.4f} ms, "
        f"empty call {head.empty_ms:.4f} ms",
        f"contended  {head.reason or 'no'}",
        "calibrated "
        + (
            "no: run `python -m latency_tables check`"
            if fit is None
            else f"network ms = {fit.a:.3f} * sum + {fit.c:.4f} * weight MB {fit.d:+.4f}, "
            f"error {fit.mape:.2%} on {fit.test} networks"
        ),
        "",
        f"{'entry':<{width}} {'p10 ms':>9} {'p50 ms':>9} {'+-':>6} {'visits':>6} "
        f"{'MMACs':>8} {'weight kB':>10}",
        *(
            f"{key:<{width}} {entry.p10_ms:>9.4f} {entry.p50_ms:>9.4f} {entry.confidence:>6.1%} "
            f"{entry.visits:>6} {entry.macs / 1e6:>8.3f} {entry.weight_bytes / 1e3:>10.2f}"
            for key, entry in rows
        ),
    ]
