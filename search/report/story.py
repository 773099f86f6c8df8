"""What a report tells: all about a finished run, frozen; every figure on the page is here."""

from typing import Literal

from msgspec import Struct

from proxyless_nas import NetworkSpec
from search.report.checks import finite, fractions, positive
from search.report.course import Course, SearchedEdge, SearchPoint
from search.report.timed import TimedNetwork

Family = Literal["searched", "hand-made", "random"]


class TrainedNetwork(TimedNetwork, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A network trained to the end, tested once and timed on the device."""

    family: Family
    spec: NetworkSpec
    parameters: int
    predicted_ms: float
    epochs: int
    seed: int


class CompressedNetwork(TimedNetwork, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A trained network, and what was done to it; `before` and `before_ms` are without that."""

    kind: Literal["both", "compression"]
    """Whether it had been searched before it was compressed, or compression is all there is."""
    before: float
    before_ms: float
    done: str
    images: int
    """On which both accuracies were scored."""


class Prediction(Struct, frozen=True, forbid_unknown_fields=True):
    """One network as the latency table predicts it, before and after calibration."""

    name: str
    predicted_raw_ms: float
    predicted_ms: float
    measured_ms: float


class TableCheck(Struct, frozen=True, forbid_unknown_fields=True):
    """How far predictions are from the device. Errors are mean absolute fractions of the measured.

    `noise_floor` is the error between two measurements of the same networks; `macs_mape` is the
    error of a straight line through MACs. None means: not determined.
    """

    predictions: tuple[Prediction, ...] = ()
    mape_raw: float | None = None
    mape: float | None = None
    spearman: float | None = None
    noise_floor: float | None = None
    macs_mape: float | None = None


class TrainingCurve(Struct, frozen=True, forbid_unknown_fields=True):
    """Validation accuracy (fractions of 1) of one network while it was trained."""

    name: str
    epochs: tuple[float, ...]
    valid_accuracy: tuple[float, ...]


class Story(Struct, frozen=True, forbid_unknown_fields=True):
    """One finished run.

    `searched` names the network the run was for, among `networks`. `tolerance` is a fraction of
    the target. `block_ms` holds the predicted latency of that network's blocks by module name;
    other keys (such as an overhead) are shown behind them. `refused` says, by name, why a network
    could not be compressed. `seconds` keeps the stages' order.
    """

    title: str
    date: str
    commit: str
    device: str
    runtime: str
    dataset: str
    space: str
    space_size: int
    target_ms: float
    tolerance: float
    searched: str
    seed: int
    command: str
    edges: tuple[SearchedEdge, ...] = ()
    networks: tuple[TrainedNetwork, ...] = ()
    compressed: tuple[CompressedNetwork, ...] = ()
    refused: dict[str, str] = {}
    points: tuple[SearchPoint, ...] = ()
    check: TableCheck = TableCheck()
    block_ms: dict[str, float] = {}
    curves: tuple[TrainingCurve, ...] = ()
    seconds: dict[str, float] = {}
    fingerprint: dict[str, str] = {}
    test_images: int | None = None

    def __post_init__(self) -> None:
        positive("target_ms", [self.target_ms])
        finite("tolerance, block_ms or seconds", [self.tolerance, *self.block_ms.values()])
        finite("seconds", self.seconds.values())
        for network in self.networks:
            positive(f"network {network.name}: predicted latency", [network.predicted_ms])
        assert self.course  # it checks the points
        for each in self.check.predictions:
            times = [each.predicted_raw_ms, each.predicted_ms, each.measured_ms]
            positive(f"prediction {each.name}", times)
        for curve in self.curves:
            fractions(f"curve {curve.name}: valid_accuracy", curve.valid_accuracy)
            if len(curve.epochs) != len(curve.valid_accuracy):
                raise ValueError(f"curve {curve.name}: epochs and accuracies differ in number")

    @property
    def course(self) -> Course:
        """How the search went."""
        return Course(self.edges, self.points, "ms", self.target_ms, self.tolerance)

    @property
    def result(self) -> TrainedNetwork | None:
        """The network the run was for; None while it is not among `networks`."""
        return next((each for each in self.networks if each.name == self.searched), None)
