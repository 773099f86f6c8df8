"""Tests of `compression`."""
