"""`python -m search spaces`: how large the spaces are."""

import json

import tyro
from msgspec import Struct, to_builtins

from proxyless_nas import Space, named_space
from proxyless_nas.drawing.words import big
from proxyless_nas.spaces import LAYOUTS, TREES


class SpacesConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Count what a space holds: blocks, searched edges, logits, weights, networks."""

    name: tyro.conf.Positional[str | None] = None
    """A named space, or a YAML file; without it: all named ones."""
    json: bool = False
    """Print JSON."""


class Size(Struct, frozen=True):
    """`edges` counts decisions, `logits` their options, `supernet_weights` trainable parameters."""

    name: str
    input: str
    blocks: int
    edges: int
    logits: int
    supernet_weights: int
    networks: int


def size_of(space: Space) -> Size:
    """What is counted without building anything."""
    return Size(
        space.name,
        str(space.input),
        len(space.edges),
        len(space.counts),
        sum(space.counts),
        space.parameters,
        space.size,
    )


def tell_space(config: SpacesConfig) -> None:
    """Print one space, or all that have names."""
    names = [*LAYOUTS, *TREES] if config.name is None else [config.name]
    sizes = [size_of(named_space(name)) for name in names]
    if config.json:
        told = [to_builtins(size) for size in sizes]
        print(json.dumps(told if config.name is None else told[0], indent=2))
        return
    print(f"{'space':<18}{'input':>12}{'blocks':>8}{'edges':>7}{'logits':>8}"
          f"{'supernet weights':>18}  networks")  # fmt: skip
    for size in sizes:
        print(
            f"{size.name:<18}{size.input:>12}{size.blocks:>8}{size.edges:>7}{size.logits:>8}"
            f"{size.supernet_weights:>18,}  {big(size.networks)}"
        )
