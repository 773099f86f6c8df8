"""A table of cycles that others recorded for one network, as hardware: HAQ's own, for example."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from latency_tables.simulate.base import Hardware
from proxyless_nas.bits import MOST_BITS, Bits, with_bits
from proxyless_nas.layer import Layer


class Recorded(Hardware, frozen=True, kw_only=True):
    """Cycles per layer by bits of weights and of activations: [layers, 8, 8]; no energies.

    It knows the layers of one network alone, by `places`, the rows of their names. Clock and batch
    stand in no file; the defaults are those of HAQ's table, the cloud's BISMO for MobileNet-V2.
    """

    table: np.ndarray[Any, Any]
    places: dict[str, int]
    clock_mhz: float = 200.0
    batch: int = 16

    @property
    def knows_energy(self) -> bool:
        return False

    def _cycles(self, layer: Layer, bits: Bits) -> int:
        if layer.name not in self.places:
            raise LookupError(f"the recorded table is for a network without layer {layer.name}")
        return int(self.table[self.places[layer.name], bits.weights - 1, bits.activations - 1])

    def _millijoules(self, layer: Layer, bits: Bits) -> float:
        raise LookupError("a recorded table of cycles says nothing of energy")


def load_recorded(
    path: str | Path, layers: Iterable[Layer], clock_mhz: float = 200.0, batch: int = 16
) -> Recorded:
    """Read an .npy file; its rows are the network's convolutions and linear maps, in order.

    FileNotFoundError, or a ValueError that names the file where it is no such table, or has rows
    for another number of layers.
    """
    try:
        table = np.load(path, allow_pickle=False)
    except FileNotFoundError:
        raise FileNotFoundError(f"no file {path}") from None
    except (ValueError, EOFError) as error:
        raise ValueError(f"{path} is no array of numpy: {error}") from error
    if not _holds_cycles(table):
        raise ValueError(
            f"{path} is no table of cycles: those are whole numbers above 0, "
            f"[layers, {MOST_BITS}, {MOST_BITS}]"
        )
    names = [layer.name for layer in with_bits(layers)]
    if len(names) != len(table) or len(set(names)) != len(names):
        raise ValueError(
            f"{path} has {len(table)} layers, the network calls {len(names)}: it is about another"
        )
    places = {name: row for row, name in enumerate(names)}
    return Recorded(table=table, places=places, clock_mhz=clock_mhz, batch=batch)


def _holds_cycles(table: Any) -> bool:
    return (
        isinstance(table, np.ndarray)
        and table.shape[1:] == (MOST_BITS, MOST_BITS)
        and table.dtype.kind in "iu"
        and bool((table > 0).all())
    )
