"""Tests of `proxyless_nas.language`."""
