"""Tests of compression/importance."""
