"""Sensitivity: what channels or elements are worth in accuracy, tried share by share."""

from compression.sensitivity.channels import analyse
from compression.sensitivity.elements import analyse_elements
from compression.sensitivity.found import Sensitivity, Tried, csv_of
from compression.sensitivity.loop import SHARES, Judge

__all__ = [
    "SHARES",
    "Judge",
    "Sensitivity",
    "Tried",
    "analyse",
    "analyse_elements",
    "csv_of",
]
