"""A language for descriptions in YAML: imports, dotted keys, references, arithmetic, no code."""

from proxyless_nas.language.config import Config
from proxyless_nas.language.values import Arithmetic, Items, Map, Place

__all__ = ["Arithmetic", "Config", "Items", "Map", "Place"]
