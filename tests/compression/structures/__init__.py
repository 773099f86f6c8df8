"""Tests of `compression.structures`."""
