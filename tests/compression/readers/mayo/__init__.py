"""Tests of `compression.readers.mayo`."""
