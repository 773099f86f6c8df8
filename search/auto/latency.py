"""What a compressed network takes on this machine: told by a table of layers, then measured."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from compression.export import onnx_bytes
from compression.int8.files import FLOAT, files_of
from compression.int8.make import sums_are_exact
from compression.quantizers.fold import folded
from compression.widths import Gone
from compression.widths.latency import Layers
from compression.widths.stops import Stops
from latency_tables.measure import measure_parts
from latency_tables.model import OnnxModel
from latency_tables.networks import measure_networks
from latency_tables.protocol import Protocol
from latency_tables.runtimes import OnnxRuntime
from search.auto.costs import Cost
from search.auto.given import Given, images_in
from search.problems.compressed import Compressed
from training.batch_norm import batch_norms

LAYERS = "layers.json"
BRIEF = Protocol(burn_in_s=0.5, spread_s=0.0)
VISITS = 20


@dataclass(frozen=True)
class File:
    """An ONNX file of a network, its latency and that of the whole one beside it, in ms."""

    data: bytes
    ms: float
    whole_ms: float


class Clock:
    """Measures files beside that of the whole network in float, and predicts by a table."""

    def __init__(self, given: Given) -> None:
        self._given, self._shape = given, given.subject.input
        self._whole = onnx_bytes(given.lone, self._shape)
        self.whole_ms = self.measured(given.lone, int8=False).whole_ms

    def cost(self, stops: Stops) -> Cost:
        """Milliseconds, predicted: the sum of the layers, in int8 times what int8 saves in all."""
        given = self._given
        saved = 1.0
        if given.problem.int8:
            whole = self.measured(given.lone, int8=True)
            saved = whole.ms / whole.whole_ms
        narrowed = self._of_layers(stops) if stops else lambda gone: 1.0

        def predicted(one: Compressed) -> float:
            return self.whole_ms * narrowed(one.gone) * (saved if one.int8 else 1.0)

        return predicted

    def _of_layers(self, stops: Stops) -> Callable[[Gone], float]:
        """What narrowed layers take of what all take, by a table that is measured now."""
        given = self._given
        layers = Layers(given.lone, self._shape, given.sizes)
        table = measure_parts(
            layers.wanted(stops), given.subject.name, given.out / LAYERS, runtime=OnnxRuntime(),
            context="chained",
        )  # fmt: skip
        summed = layers.cost(table)
        whole = summed({})
        return lambda gone: summed(gone) / whole

    def measured(self, network: nn.Module, int8: bool) -> File:
        """The fastest file of a network; `int8` tries files of integers, some layers in float."""
        plain = folded(network, self._shape) if batch_norms(network) else network
        files = {FLOAT: onnx_bytes(plain, self._shape)}
        if int8:
            images = images_in(self._given.seen)
            narrow = not sums_are_exact()
            files = dict(files_of(plain, self._shape, images, "min-max", narrow).files)
            del files[FLOAT]
        models = [OnnxModel("whole", self._whole)]
        models += [OnnxModel(name, data) for name, data in files.items()]
        whole, *each = measure_networks(
            models, visits=VISITS, runtime=OnnxRuntime(), protocol=BRIEF
        )
        times = {name: one.p10_ms for name, one in zip(files, each, strict=True)}
        name = min(times, key=times.__getitem__)
        return File(files[name], times[name], whole.p10_ms)
