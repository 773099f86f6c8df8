"""What a budget can be about, by name."""

from typing import Literal

from latency_tables.cost import (
    CostModel,
    Macs,
    Parameters,
    TableEnergy,
    TableLatency,
    WeightBytes,
)
from latency_tables.table import LatencyTable, measure_command

CostName = Literal["latency", "energy", "macs", "parameters", "weight-bytes"]
TABLE_COSTS: dict[CostName, str] = {"latency": "ms", "energy": "mJ"}
"""Those that a table tells, and their units."""


def cost_model(
    name: CostName, table: str | None, space: str, allow_contended: bool = False
) -> CostModel:
    """The cost of that name; ValueError where it needs a table and there is none."""
    match name:
        case "macs":
            return Macs()
        case "parameters":
            return Parameters()
        case "weight-bytes":
            return WeightBytes()
    if table is None:
        raise ValueError(
            f"a budget of {name} needs the --table of the device; measure one: "
            f"{measure_command(space, 'FILE')}"
        )
    known = LatencyTable.load(table, allow_contended)
    if known.head.identity.space != space:
        raise ValueError(
            f"{table} is a table of space {known.head.identity.space}, not of {space}; measure "
            f"one: {measure_command(space, 'FILE')}"
        )
    return TableLatency(known) if name == "latency" else TableEnergy(known)
