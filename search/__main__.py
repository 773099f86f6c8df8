"""`python -m search COMMAND`: find a network for a device."""

from proxyless_nas.command import Command, run_many
from search.config import ProxylessConfig
from search.proxyless import search

if __name__ == "__main__":
    run_many("python -m search", {"proxyless": Command(ProxylessConfig, search)})
