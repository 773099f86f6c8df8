"""Tests of `proxyless_nas`."""
