"""Mayo's files, merged from left to right as on its command line, above its own defaults."""

from collections.abc import Sequence

from proxyless_nas.described.network import SUFFIXES
from proxyless_nas.files import did_you_mean
from proxyless_nas.language.config import Config
from proxyless_nas.language.merging import split_key
from proxyless_nas.language.values import Map, Place, refuse

DEFAULTS = "Mayo's defaults"
GRANTED = "system: {num_gpus: 1, batch_size_per_gpu: 256, max_epochs: 900}"
"""What Mayo says where no file does."""
KNOWN = ("model", "dataset", "system", "train", "search", "retrain")
"""Sections that are looked at, or whose values are referred to."""


def merged_files(words: Sequence[str]) -> Config:
    """All files, and values `key=value`, the later ones on top.

    FileNotFoundError for no file, ValueError with FILE:LINE for what is wrong in one.
    """
    config = Config().with_text(GRANTED, DEFAULTS)
    for word in words:
        is_value = "=" in word and not word.endswith(SUFFIXES)
        config = config.with_value(word) if is_value else config.with_file(word)
    for key, _, place in config.root.lines():
        hint = did_you_mean(key, list(KNOWN))
        if key not in KNOWN and not key.startswith("_") and hint:
            refuse(place, (), f"nothing of Mayo's is called {key}{hint}")
    return config


def section(config: Config, name: str, known: Sequence[str] = ()) -> Map:
    """The keys of a section as they stand there; none where it is missing.

    ValueError with FILE:LINE where it is no map, or has a key that is not `known`, if some are.
    """
    if name not in config:
        return Map()
    found, place = config.raw(name), config.place(name)
    if isinstance(found, str):
        found = config.get(name)
    if not isinstance(found, Map):
        refuse(place, split_key(name), "a map of keys and values")
    for key, _, at in found.lines():
        if known and key not in known and not key.startswith("_"):
            refuse(at, (), f"{name} has no {key}{did_you_mean(key, list(known))}")
    return found


def said(config: Config, key: str) -> Place | None:
    """Where a file, or the command line, says something; None where only Mayo's defaults do."""
    place = config.place(key) if key in config else None
    return None if place is None or place.file == DEFAULTS else place
