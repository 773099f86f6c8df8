"""Tests of `search.verbs`."""
