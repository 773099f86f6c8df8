"""`python -m compression summary`: how sparse a network is, or what its layers compute."""

from typing import Literal

from compression.analysis.compute import Computed, computing_lines, computing_of
from compression.analysis.sparsity import Sparsity, sparsities, sparsity_lines, sparsity_of
from compression.analysis.subject import NetworkConfig, Opened, opened
from compression.analysis.tables import tell
from proxyless_nas.counting import layers_of


class SummaryConfig(NetworkConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Print how sparse each weight of a network is, or what each of its layers computes."""

    of: Literal["sparsity", "compute"] = "sparsity"
    """Non-zeros of every weight, or multiply-accumulates of every layer."""
    json: bool = False
    """Print JSON, with shares instead of percent."""
    csv: str | None = None
    """Write a CSV file too, one line per row of the table."""


def summarise(config: SummaryConfig) -> None:
    """Print the table."""
    found = opened(config)
    if config.of == "compute":
        work = computing_of(found.name, found.network, found.subject.input)
        lines = [f"{found.subject.name} at {found.subject.input}", *computing_lines(work)]
        tell(lines, work, Computed, work.layers, config.json, config.csv)
        return
    zeros = sparsities(found.name, in_order(found))
    lines = [found.name, *sparsity_lines(zeros)]
    tell(lines, zeros, Sparsity, zeros.tensors, config.json, config.csv)


def in_order(found: Opened) -> list[Sparsity]:
    """Weights of layers in the order in which these are called, then those of other parts."""
    layers = [layer.name for layer in layers_of(found.network, found.subject.input)]
    place = {name: number for number, name in enumerate(layers)}
    tensors = sparsity_of(found.network)
    return sorted(tensors, key=lambda one: place.get(one.name.rpartition(".")[0], len(layers)))
