"""Tests of compression/pruning."""
