"""`python -m compression run`: merge files, set values, obey verbs, from left to right."""

from collections.abc import Callable
from typing import Annotated

import tyro
from msgspec import Struct

from proxyless_nas.described.network import SUFFIXES, file_of
from proxyless_nas.files import did_you_mean
from proxyless_nas.language.config import Config
from search.verbs.acts import Act, evaluated, exported, informed, searched, trained

Verb = Callable[[Config], Act]
VERBS: dict[str, Verb] = {
    "info": informed,
    "train": trained,
    "eval": evaluated,
    "search": searched,
    "export": exported,
}
EXAMPLE = "datasets/fashion.yaml models/lenet5.yaml trainers/lenet5.yaml train eval"


class RunConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Do what the words say, from left to right: merge a file, set a value, or obey a verb.

    A word that ends with .yaml is a file, here or one of ours, merged on top of what came before;
    key=value sets a dotted key; info, train, eval, search and export act on what was said so far.
    For example: datasets/fashion.yaml models/lenet5.yaml trainers/lenet5.yaml train eval
    """

    words: Annotated[tuple[str, ...], tyro.conf.Positional]
    """Files, values and verbs."""


def run(given: RunConfig) -> None:
    """All words; everything is read before anything is done, what later verbs need too.

    ValueError names the word that is not understood, or the line and key of a file.
    """
    config, acts = Config(), list[Act]()
    for word in given.words:
        if word.endswith(SUFFIXES):
            config = config.with_file(file_of(word))
        elif "=" in word:
            config = config.with_value(word)
        elif word in VERBS:
            acts.append(VERBS[word](config))
        else:
            raise ValueError(
                f"{word!r} is no file, no value and no verb{did_you_mean(word, list(VERBS))}: "
                f"{', '.join(VERBS)}"
            )
    if not acts:
        raise ValueError(f"nothing is to be done: end with a verb, {', '.join(VERBS)}: {EXAMPLE}")
    for act in acts:
        act()
