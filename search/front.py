"""`python -m search front FOLDER...`: what searched networks win at equal latency, on one page."""

from collections.abc import Sequence
from pathlib import Path

import tyro
from msgspec import Struct

from latency_tables.cost import TableLatency
from latency_tables.networks import Measured
from latency_tables.table import LatencyTable
from proxyless_nas import NetworkSpec
from proxyless_nas.drawing.tables import table_lines
from proxyless_nas.files import read_json, write_bytes, write_json
from search.report.front import Family, Front, FrontNetwork
from search.report.front_page import HEAD, WORDS, front_rows, render_front
from search.timing import Manner, Timing, open_bench
from search.trained import TrainedRun, must_compare, names_of, recipe_notes, trained_runs
from training.evaluate import Evaluation
from training.words import scored_images

FIGURES, PAGE = "front.json", "front.html"


class FrontConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Draw accuracy against measured latency, and say what searched networks win over others."""

    searched: tyro.conf.Positional[tuple[str, ...]]
    """Run folders in which main.py trained networks that a search found. A search's own run folder
    does as well, where its network was trained into FOLDER/trained, and a folder of such folders,
    as a search for several budgets leaves one."""
    beside: tuple[str, ...] = ()
    """The same for the networks to compare with: published, made by hand, drawn at random."""
    out: str
    """Folder for front.html, the page, and front.json, the figures."""
    table: str | None = None
    """Measure as this latency table was measured, and show what it predicts; a file, or the name of
    a shipped one. Without it: ONNX Runtime, one thread, one image."""
    allow_contended: bool = False
    """Take a table even though it was measured on a busy machine."""
    device: str | None = None
    """The address of the table's device behind a tracker: rpc://HOST:PORT/KEY."""
    visits: int = 40
    """Visits to each network."""
    seed: int = 0
    """Shuffles the visits."""
    measure_again: bool = False
    """Measure although front.json holds what was measured of these networks in this manner."""


class ScoredAndTimed(Struct, frozen=True, forbid_unknown_fields=True):
    """A network in front.json; `predicted_ms` is what the table says, None without a price."""

    name: str
    family: Family
    folder: str
    spec: NetworkSpec
    score: Evaluation
    measured: Measured
    predicted_ms: float | None


class Figures(Struct, frozen=True, forbid_unknown_fields=True):
    """front.json: the networks, and the day and the manner in which they were measured."""

    date: str
    manner: Manner
    networks: tuple[ScoredAndTimed, ...]

    @property
    def timing(self) -> Timing:
        """What the session measured."""
        specs = tuple(each.spec for each in self.networks)
        return Timing(self.date, self.manner, specs, tuple(each.measured for each in self.networks))


def front(config: FrontConfig) -> None:
    """Measure what is not measured yet, write the figures and the page, and tell them."""
    runs, families = _runs(config)
    names, specs = names_of(runs), [run.spec for run in runs]
    table = LatencyTable.load(config.table, config.allow_contended) if config.table else None
    predicted, gaps = _predicted(table, names, specs)
    bench = open_bench(table, config.device, config.visits)
    timing = None if config.measure_again else _kept(Path(config.out) / FIGURES)
    if timing is None or not timing.serves(bench.manner, specs):
        timing = bench.time(specs, config.seed)
    else:
        print(f"measured on {timing.date}, and taken from there; --measure-again measures anew")
    networks = tuple(
        ScoredAndTimed(name, family, str(run.folder), run.spec, run.score, seen, price)
        for name, family, run, seen, price in zip(
            names, families, runs, map(timing.of, specs), predicted, strict=True
        )
    )
    figures = Figures(timing.date, timing.manner, networks)
    notes = [*recipe_notes(runs, names), *gaps, *_doubts(figures)]
    drawn = front_of_figures(figures, scored_images(runs[0].config), notes)
    write_json(Path(config.out) / FIGURES, figures)
    page = Path(config.out) / PAGE
    write_bytes(page, render_front(drawn).encode("utf-8", "replace"))
    told = [*table_lines(HEAD, front_rows(drawn), WORDS), "", *drawn.verdicts]
    print("\n".join([*told, *(f"note: {note}" for note in notes), str(page)]))


def front_of_figures(figures: Figures, scored_on: str, notes: Sequence[str]) -> Front:
    """What the page shows of them; `scored_on` says what the images were."""
    return Front(
        networks=tuple(
            FrontNetwork(
                name=each.name,
                family=each.family,
                test_accuracy=each.score.top1,
                macs=each.spec.macs,
                measured_ms=each.measured.p10_ms,
                measured_p50_ms=each.measured.p50_ms,
                measured_p90_ms=each.measured.p90_ms,
                predicted_ms=each.predicted_ms,
            )
            for each in figures.networks
        ),
        place=f"{figures.date} · {figures.manner}",
        scored_on=scored_on,
        images=figures.networks[0].score.images,
        notes=tuple(notes),
    )


def _runs(config: FrontConfig) -> tuple[list[TrainedRun], list[Family]]:
    """All runs, the searched ones first, and to which family each belongs."""
    if not config.searched:
        raise ValueError("no folder is named: give the run folders of what a search found")
    given: dict[Family, tuple[str, ...]] = {"searched": config.searched, "beside": config.beside}
    runs: list[TrainedRun] = []
    families: list[Family] = []
    for family, folders in given.items():
        found = [run for folder in folders for run in trained_runs(folder)]
        runs += found
        families.extend(family for _ in found)
    must_compare(runs)
    return runs, families


def _predicted(
    table: LatencyTable | None, names: Sequence[str], specs: Sequence[NetworkSpec]
) -> tuple[list[float | None], list[str]]:
    """What the table says of each network in ms, and notes on those that it cannot price."""
    prices: list[float | None] = []
    gaps: list[str] = []
    for name, spec in zip(names, specs, strict=True):
        try:
            prices.append(None if table is None else TableLatency(table).network(spec))
        except LookupError as gap:
            prices.append(None)
            gaps.append(f"Nothing is predicted of {name}: {gap.args[0]}.")
    return prices, gaps


def _kept(path: Path) -> Timing | None:
    return read_json(path, Figures).timing if path.exists() else None


def _doubts(figures: Figures) -> list[str]:
    """Why the measurement deserves no trust, if it does not."""
    reasons = dict.fromkeys(each.measured.contended for each in figures.networks)
    return [
        f"The machine was not calm: {reason}. --measure-again measures anew."
        for reason in reasons
        if reason is not None
    ]
