"""Tests of early exits."""
