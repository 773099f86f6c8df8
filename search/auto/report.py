"""What automatic compression has found: a struct for machines, a table for people."""

from collections.abc import Mapping

from msgspec import Struct

from proxyless_nas.drawing.words import duration
from search.auto.goal import OF, Bound, Metric
from search.problems.compressed import Compressed
from training.words import counted as number_of


class Stage(Struct, frozen=True, forbid_unknown_fields=True):
    """A network on the way: its accuracies, on images of the search and on test images."""

    name: str
    searched: float
    test: float


class Report(Struct, frozen=True, forbid_unknown_fields=True):
    """report.json. `costs` are the whole network's and those of what was found.

    `latency` among them is measured, both files in one session. `met` says whether every bound is,
    `lost` how many points of accuracy went on test images, which chose nothing.
    """

    network: str
    goal: str
    drop: float
    compressed: Compressed
    stages: tuple[Stage, ...]
    test_images: int
    costs: dict[Metric, tuple[float, float]]
    bounds: tuple[Bound, ...]
    macs: int
    """Of what was found."""
    judged: int
    seconds: dict[str, float]
    files: tuple[str, ...]

    @property
    def met(self) -> bool:
        """Whether no bound is exceeded."""
        return all(self.costs[b.of][1] <= b.limit(self.costs[b.of][0]) for b in self.bounds)

    @property
    def lost(self) -> float:
        """Points of accuracy, on test images."""
        return 100 * (self.stages[0].test - self.stages[-1].test)

    def told(self) -> str:
        """A line per stage and per cost, and the verdict."""
        lines = [f"{'':<28}{'search':>9}{'test':>9}"]
        for stage in self.stages:
            lines.append(f"{stage.name:<28}{stage.searched:>9.2%}{stage.test:>9.2%}")
        lines += ["", f"{'':<28}{'whole':>14}{'found':>14}{'share':>8}{'asked':>8}"]
        for bound in self.bounds:
            before, after = self.costs[bound.of]
            name = f"{bound.of} {OF.get(bound.of, '')}".strip()
            lines.append(
                f"{name:<28}{before:>14,.5g}{after:>14,.5g}{after / before:>8.3f}"
                f"{bound.limit(before) / before:>8.3f}"
            )
        lines += ["", *done(self.compressed), self.verdict()]
        return "\n".join(lines)

    def verdict(self) -> str:
        """One sentence."""
        costs = "every cost is met" if self.met else "NOT every cost is met"
        way = "lost" if self.lost >= 0 else "won"
        may = f"{self.drop:g} may be lost"
        kept = f" ({may})" if self.lost <= self.drop else f", but only {may}"
        took = duration(sum(self.seconds.values()))
        return (
            f"{costs}; {abs(self.lost):.2f} points of accuracy {way} on test images{kept}; "
            f"{self.judged} networks judged in {took}{self._way_out()}"
        )

    def _way_out(self) -> str:
        """What may bring back accuracy that should not be lost."""
        if self.lost <= self.drop:
            return ""
        tuned = any(stage.name.endswith("of tuning") for stage in self.stages)
        more = "tune it longer (--epochs)" if tuned else "let what is left learn (--epochs 15)"
        return f". To lose less, {more} or ask for less, in another --out"


def done(one: Compressed, short: bool = False) -> list[str]:
    """What was done, a line per method; `short` is brief, and names no groups of channels."""
    lines: list[str] = []
    if one.gone and short:
        groups = number_of(len(one.gone), "group")
        lines.append(f"{number_of(sum(one.gone.values()), 'channel')} of {groups} gone")
    elif one.gone:
        lines.append(f"channels gone: {_counted(one.gone)}")
    if one.bits:
        lines.append(f"layers with bits: {_alike(one.bits)}")
    if one.zeros:
        shares = {name: f"{share:.0%}" for name, share in one.zeros.items()}
        lines.append(f"layers with zeros: {_alike(shares)}")
    if one.int8:
        lines.append("int8" if short else "all layers in int8, or those that are faster so")
    return lines or ["nothing was done"]


def _alike(layers: Mapping[str, int | str]) -> str:
    """How many layers have which number."""
    each = list(layers.values())
    return ", ".join(f"{each.count(one)} of {one}" for one in sorted(set(each), key=str))


def _counted(gone: Mapping[str, int]) -> str:
    return ", ".join(f"{count} of {name}" for name, count in gone.items())
