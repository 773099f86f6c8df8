"""Tests of `latency_tables`."""
