"""Tests of quantizers."""
