"""The house rules a machine can check: imports only point down, files say what they are for."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
FLOORS = {
    "proxyless_nas": 0,
    "training": 1,
    "latency_tables": 1,
    "compression": 2,
    "search": 3,
    "main": 4,
    "eval": 4,
    "hubconf": 4,
}
DOORS = 4
"""The floor of what parses, calls and prints."""
GUESTS = ("examples", "benchmarks", "tests")
MOST_LINES = 300


def files_of(*rooms: str) -> list[Path]:
    """Every Python file of the rooms; a room is a folder or a single file of the root."""
    files = [file for room in rooms for file in (ROOT / room).rglob("*.py")]
    return sorted(
        [*files, *(ROOT / f"{room}.py" for room in rooms if (ROOT / f"{room}.py").exists())]
    )


EVERY_FILE = files_of(*FLOORS, *GUESTS)


@cache
def parse(file: Path) -> ast.Module:
    return ast.parse(file.read_text(), str(file.relative_to(ROOT)))


def imports_of(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """(line, first name) of every absolute import, inside functions too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name.partition(".")[0]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.lineno, (node.module or "").partition(".")[0]


def may_import(room: str, other: str, door: bool = False) -> bool:
    """A room sees itself and the floors below it, its door (`__main__.py`) all of them; nobody
    sees examples or tests."""
    if other in GUESTS:
        return False
    floor = DOORS if door else FLOORS[room]
    return other == room or other not in FLOORS or FLOORS[other] < floor


def test_the_rule_itself() -> None:
    assert may_import("search", "compression") and may_import("search", "numpy")
    assert not may_import("compression", "search")
    assert not may_import("training", "latency_tables")
    assert may_import("compression", "search", door=True)
    assert not may_import("compression", "main", door=True)
    assert not may_import("search", "tests")
    hidden = ast.parse("def f():\n    from search.loop import run\n")
    assert list(imports_of(hidden)) == [(2, "search")]


def test_every_room_on_the_plan_was_looked_at() -> None:
    rooms = {file.relative_to(ROOT).parts[0].removesuffix(".py") for file in EVERY_FILE}
    assert set(FLOORS) | {"tests"} <= rooms


def test_imports_only_point_down() -> None:
    wrong = [
        f"{file.relative_to(ROOT)}:{line} imports {other}"
        for room in FLOORS
        for file in files_of(room)
        for line, other in imports_of(parse(file))
        if not may_import(room, other, door=file.name == "__main__.py")
    ]
    assert wrong == []


def test_every_file_starts_by_saying_what_it_is_for() -> None:
    silent = [
        str(file.relative_to(ROOT)) for file in EVERY_FILE if not ast.get_docstring(parse(file))
    ]
    assert silent == []


def test_no_file_is_too_long_for_one_room() -> None:
    long = {
        str(file.relative_to(ROOT)): lines
        for file in EVERY_FILE
        if (lines := len(file.read_text().splitlines())) > MOST_LINES
    }
    assert long == {}


def test_nothing_imports_a_star() -> None:
    stars = [
        f"{file.relative_to(ROOT)}:{node.lineno}"
        for file in EVERY_FILE
        for node in ast.walk(parse(file))
        if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names)
    ]
    assert stars == []
