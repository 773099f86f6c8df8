"""Tests of `proxyless_nas.described`."""
