"""Tests of `compression.masks`."""
