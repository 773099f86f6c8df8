"""What a compressed network takes on this machine: told by a table of layers, then measured."""

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

from msgspec import Struct
from torch import nn

from compression.export import onnx_bytes
from compression.int8.files import FLOAT, files_of
from compression.int8.make import sums_are_exact
from compression.quantizers.fold import folded
from compression.widths import Gone
from compression.widths.latency import Layers
from compression.widths.stops import Stops
from latency_tables.measure import measure_parts
from latency_tables.model import Model, OnnxModel
from latency_tables.networks import measure_networks
from latency_tables.protocol import Protocol
from latency_tables.runtimes import Runtime
from proxyless_nas.files import read_json, write_bytes, write_json
from proxyless_nas.layer import Shape
from proxyless_nas.locks import Locks
from search.auto.costs import Cost
from search.auto.given import Given
from search.problems.compressed import Compressed
from training.batch_norm import batch_norms
from training.datasets import images_in

LAYERS, TIMES, MEASURED, LOCK = "layers.json", "latencies.json", "measured", ".latencies.lock"
WAITING = "another process measures: waiting for it"
BRIEF = Protocol(burn_in_s=0.5, spread_s=0.0)
VISITS, SESSIONS = 20, 2
"""A file can be unlucky with where a session puts it, and be slow for as long as that lasts."""
MORE, CALM = 6, 1.05
"""Where other work slows the whole network more than so much, sessions are held again."""
ALIKE = 1.02
"""Networks with the same layers differ by less than that."""


@dataclass(frozen=True)
class File:
    """An ONNX file of a network, its latency and that of the whole one beside it, in ms."""

    data: bytes
    ms: float
    whole_ms: float


class Times(Struct, frozen=True, forbid_unknown_fields=True):
    """What the fastest file of a network took, and the whole one beside it, in ms."""

    ms: float
    whole_ms: float


class Exported(Model):
    """A network for any runtime: as a module, or as the file that torch exports."""

    def __init__(self, name: str, network: nn.Module, shape: Shape) -> None:
        super().__init__(name, lambda: deepcopy(network), shape, 1)
        self._data = onnx_bytes(network, shape)

    def onnx(self) -> bytes:
        return self._data


class Clock:
    """Measures files beside that of the whole network in float, and predicts by a table.

    What was measured is kept: a search that goes on, and processes that share one, go by the same
    times. One process measures at a time.
    """

    def __init__(self, given: Given, runtime: Runtime) -> None:
        self._given, self._shape, self._runtime = given, given.subject.input, runtime
        self._whole = Exported("whole", given.lone, self._shape)
        self._locks = Locks(given.out / LOCK)
        layers = given.config.layers
        self._table = Path(layers) if layers else given.out / LAYERS
        self.whole_ms = self.measured("whole", given.lone, int8=False).whole_ms

    def cost(self, stops: Stops) -> Cost:
        """Milliseconds, predicted: the sum of the layers, in int8 times what int8 saves in all."""
        given = self._given
        saved = 1.0
        if given.integers:
            whole = self.measured("whole in int8", given.lone, int8=True)
            saved = whole.ms / whole.whole_ms
        narrowed = self._of_layers(stops) if stops else lambda gone: 1.0

        def predicted(one: Compressed) -> float:
            return self.whole_ms * narrowed(one.gone) * (saved if one.int8 else 1.0)

        return predicted

    def _of_layers(self, stops: Stops) -> Callable[[Gone], float]:
        """What narrowed layers take of what all take, by a table; what it lacks is measured now."""
        given, file = self._given, self._table
        layers = Layers(given.lone, self._shape, given.sizes)
        locks = Locks(file.with_name(f".{file.name}.lock"))
        with self._turn(), locks.held(0, WAITING):
            table = measure_parts(
                layers.wanted(stops), given.subject.name, file,
                protocol=Protocol(spread_s=given.config.spread_s), runtime=self._runtime,
                context="chained",
            )  # fmt: skip
        summed = layers.cost(table)
        whole = summed({})
        return lambda gone: summed(gone) / whole

    def measured(self, name: str, network: nn.Module, int8: bool, like: File | None = None) -> File:
        """The fastest file of a network; `int8` tries files of integers, some layers in float.

        What was measured by this `name` is not measured again. `like` was measured of a network
        with the same layers: what is slower than that was unlucky, and is given more sessions.
        """
        out = self._given.out
        data = out / MEASURED / f"{name}.onnx"
        with self._turn():
            known = read_json(out / TIMES, dict[str, Times]) if (out / TIMES).exists() else {}
            if name not in known:
                least = min((one.whole_ms for one in known.values()), default=math.inf)
                share = math.inf if like is None else like.ms / like.whole_ms
                fastest, known[name] = self._timed(self._models(network, int8), least, share)
                write_bytes(data, bytes_of(fastest))
                write_json(out / TIMES, known)
        return File(data.read_bytes(), known[name].ms, known[name].whole_ms)

    def _models(self, network: nn.Module, int8: bool) -> list[Model]:
        if network is self._given.lone and not int8:
            return [self._whole]
        plain = folded(network, self._shape) if batch_norms(network) else network
        if not int8:
            return [Exported("found", plain, self._shape)]
        images = images_in(self._given.seen)
        files = files_of(plain, self._shape, images, "min-max", not sums_are_exact()).files
        return [OnnxModel(name, data) for name, data in files.items() if name != FLOAT]

    def _timed(
        self, models: Sequence[Model], least: float, share: float = math.inf
    ) -> tuple[Model, Times]:
        """The fastest, by two sessions; by more while the whole network takes longer than the
        `least` that it ever took, or the fastest more than a `share` of it."""
        best = dict.fromkeys([self._whole, *models], math.inf)
        for number in range(1, MORE + 1):
            seen = measure_networks(
                list(best), visits=VISITS, runtime=self._runtime, protocol=BRIEF
            )
            best = {
                model: min(best[model], one.p10_ms) for model, one in zip(best, seen, strict=True)
            }
            whole, made = best[self._whole], min(best[one] for one in models)
            calm = whole <= CALM * least and made <= ALIKE * share * whole
            if number >= SESSIONS and calm:
                break
        fastest = min(models, key=best.__getitem__)
        return fastest, Times(best[fastest], best[self._whole])

    def _turn(self) -> AbstractContextManager[None]:
        return self._locks.held(0, WAITING)


def bytes_of(model: Model) -> bytes:
    """Its file."""
    given = model.onnx()
    assert isinstance(given, bytes)
    return given
