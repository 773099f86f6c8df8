"""What networks cost: measured latency tables and counted work, behind one small interface.

Measuring lives in `latency_tables.measure` and `latency_tables.check`; they are not imported here,
so that whoever only reads a table does not load a runtime.
"""

from latency_tables.cost import (
    CostModel,
    Macs,
    Parameters,
    PeakActivation,
    TableEnergy,
    TableLatency,
    WeightBytes,
)
from latency_tables.entry import Entry
from latency_tables.expected import ExpectedCost
from latency_tables.signature import parse_signature, signature
from latency_tables.table import Calibration, LatencyTable

__all__ = [
    "Calibration",
    "CostModel",
    "Entry",
    "ExpectedCost",
    "LatencyTable",
    "Macs",
    "Parameters",
    "PeakActivation",
    "TableEnergy",
    "TableLatency",
    "WeightBytes",
    "parse_signature",
    "signature",
]
