"""Tests of `compression.readers`."""
