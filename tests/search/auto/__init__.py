"""Tests of `search.auto`."""
