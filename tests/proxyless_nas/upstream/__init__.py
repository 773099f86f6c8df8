"""Tests of `proxyless_nas.upstream`."""
