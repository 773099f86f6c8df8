"""Tests of compression/widths."""
