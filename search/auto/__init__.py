"""Automatic compression: from a goal to methods, their numbers, and the network that meets it."""
