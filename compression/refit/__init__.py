"""Refit: the weights of layers that have lost inputs, so that they answer as before."""

from compression.refit.layers import Refitted, Repair, repaired

__all__ = ["Refitted", "Repair", "repaired"]
