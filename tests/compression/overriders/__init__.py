"""Tests of `compression/overriders`."""
