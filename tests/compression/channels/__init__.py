"""Tests of `compression.channels`."""
