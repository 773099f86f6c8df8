"""From a goal to how many channels of each group go."""

from torch import nn

from compression.pruning.choices import Known, LeastLost
from compression.pruning.clock import Clock, measured_whole
from compression.pruning.goals import AccuracyGoal, LatencyGoal, MacsGoal
from compression.pruning.tries import TRIES, Tries
from compression.pruning.whole import Whole
from compression.widths import Gone, Sizes, chosen_of, within
from compression.widths.choose import Cost
from compression.widths.latency import Layers
from compression.widths.stops import Stops
from latency_tables.measure import measure_parts
from latency_tables.protocol import Protocol
from latency_tables.table import LatencyTable

LAYERS = "layers.json"
CLOSE = 0.02
ROUNDS = 8


class Decision:
    """Asks the choice of a config for the goal of a config."""

    def __init__(self, whole: Whole) -> None:
        self._whole, self._config = whole, whole.config
        self._choose = whole.config.choose or LeastLost()
        self._sizes = Sizes(whole.network, whole.channels, whole.shape, whole.ranking)
        self._tries = Tries(
            whole.folder / TRIES,
            whole.digest(recalibrated=True),
            lambda gone: whole.judge(self.thin(gone), recalibrate=True),
        )

    def gone(self) -> Gone:
        """How many channels of each group go; ValueError where the goal cannot be met."""
        goal = self._config.goal
        if isinstance(goal, AccuracyGoal):
            return within(self._whole.sensitivity().drops(), goal.drop)
        if isinstance(goal, LatencyGoal):
            clock = Clock.of(goal, self._whole.network, self._whole.shape)
            stops = self._choose.stops(self._sizes.widths, self._config.multiple)
            if stops is not None:
                return self._by_layers(clock, stops)
            return self._chosen(measured_whole(clock, self.thin), goal.share)
        count = self._sizes.macs if isinstance(goal, MacsGoal) else self._sizes.parameters
        return self._chosen(count, goal.share * count({}))

    def thin(self, gone: Gone) -> nn.Module:
        """The network without the first so many channels of each group's ranking."""
        return self._whole.without(chosen_of(gone, self._whole.ranking))

    def _chosen(self, cost: Cost, most: float) -> Gone:
        whole, config = self._whole, self._config
        return self._choose.gone(
            Known(
                widths=self._sizes.widths,
                scores=whole.scores,
                comparable=config.score.comparable,
                multiple=config.multiple,
                cost=cost,
                most=most,
                sensitivity=whole.sensitivity,
                judge=self._tries.score,
            )
        )

    def _by_layers(self, clock: Clock, stops: Stops) -> Gone:
        """Choose by a table of layers; measure what that gives; move the aim until it is met.

        Sums of layers are some per cent off, alike for networks that are alike.
        """
        share, measured = clock.goal.share, measured_whole(clock, self.thin)
        layers = Layers(self._whole.network, self._whole.shape, self._sizes)
        cost = layers.cost(self._table(clock, layers, stops))
        most, ratio = share * cost({}), 1.0
        met: list[tuple[float, int, Gone]] = []
        for attempt in range(ROUNDS):
            gone = self._chosen(cost, most)
            ratio = measured(gone)
            if ratio <= share:
                met.append((ratio, attempt, gone))
            if share * (1 - CLOSE) <= ratio <= share:
                break
            most *= share * (1 - CLOSE / 2) / ratio
        if not met:
            raise ValueError(
                f"no network of {ROUNDS} that were predicted to take {share:.0%} did: the last one "
                f"took {ratio:.1%}; measure again on a calmer machine, or ask for more"
            )
        return max(met)[2]

    def _table(self, clock: Clock, layers: Layers, stops: Stops) -> LatencyTable:
        table = measure_parts(
            layers.wanted(stops),
            self._whole.subject.name,
            self._whole.folder / LAYERS,
            protocol=Protocol(spread_s=self._config.spread_s),
            runtime=clock.runtime,
            batch=clock.goal.batch,
            context="chained",  # alone a layer pays for its borders: ratios 7 % off, not 4
        )
        if table.head.contended:
            print(
                f"{table.path} is contended: {table.head.reason}; what it gives is measured anyway"
            )
        return table
