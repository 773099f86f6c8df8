"""`python -m search show RUN`: how a search went, on one page and in a few lines."""

from pathlib import Path

import tyro
from msgspec import Struct

from proxyless_nas.drawing.markup import tag
from proxyless_nas.drawing.page import document
from proxyless_nas.drawing.words import amount, percent
from proxyless_nas.files import read_json, write_bytes
from search.costs import TABLE_COSTS, CostName, cost_model
from search.kept import kept_space
from search.loop import LOG, TRIES
from search.problems import Architecture
from search.report.course import Course, SearchedEdge, points_of
from search.report.sharpening import sharpening_section
from search.report.training import learning_section
from training.run_folder import read_log

PAGE = "search.html"


class ShowConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Draw how a search went, finished or not: probabilities, cost, accuracy, the network."""

    run: tyro.conf.Positional[str]
    """The search's run folder."""
    out: str | None = None
    """The page's file; default: search.html in the run folder."""


class Begun(Struct, frozen=True):
    """What `show` must know of a search's config, whatever its strategy."""

    space: str
    cost: CostName
    tolerance: float
    budget: tuple[float, ...] = ()
    table: str | None = None


def course_of(folder: Path) -> Course:
    """The search in `folder`; ValueError where there is none."""
    if not (folder / "config.json").exists():
        raise FileNotFoundError(f"no search in {folder}: it has no config.json{_several(folder)}")
    config = read_json(folder / "config.json", Begun)
    points = points_of(read_log(folder / LOG))
    if not points:
        raise ValueError(f"the search in {folder} has not written a line of its log yet")
    knobs = Architecture(kept_space(folder, config.space)).knobs
    edges = tuple(
        SearchedEdge(knob.name, knob.labels, kept)
        for knob, kept in zip(knobs, points[-1].options, strict=True)
    )
    budget = config.budget[0] if config.budget else None
    return Course(edges, points, unit_of(config), budget, config.tolerance)


def unit_of(config: Begun) -> str:
    """What costs are counted in; nothing where nothing is priced."""
    if config.cost in TABLE_COSTS:
        return TABLE_COSTS[config.cost] if config.table is not None else ""
    return cost_model(config.cost, None, config.space).unit


def show(config: ShowConfig) -> None:
    """Write the page and say where things stand."""
    folder = Path(config.run)
    course = course_of(folder)
    last = course.points[-1]
    tries = len(read_log(folder / TRIES))
    scored = [p for p in course.points if p.valid_accuracy is not None]
    lines = [
        f"step {last.step:,}, epoch {last.epoch:.2f}, {last.phase}; {tries:,} networks judged",
        f"entropy {last.entropy:.3f} nats per edge",
    ]
    if course.unit:
        meant = "" if course.budget is None else f" for a budget of {course.budget:.4g}"
        lines.append(
            f"expected {amount(last.expected, course.unit)}, derived "
            f"{amount(last.derived, course.unit)}{meant}"
        )
    if scored:
        accuracy = scored[-1].valid_accuracy
        assert accuracy is not None
        lines.append(f"the derived network got {percent(accuracy)} of the held-out images right")
    page = Path(config.out) if config.out else folder / PAGE
    title = f"Search: {folder.resolve().name}"
    head = tag("header", tag("h1", title), tag("p", "; ".join(lines), class_="quiet"))
    text = document(title, head, sharpening_section(course), learning_section(course))
    write_bytes(page, text.encode("utf-8", "replace"))
    print("\n".join([*lines, str(page)]))


def _several(folder: Path) -> str:
    runs = sorted(path.parent.name for path in folder.glob("*/config.json"))
    return f"; there are searches in {', '.join(runs)} below it" if runs else ""
