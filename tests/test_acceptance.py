"""The table of acceptance names tests that exist, and every point once."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
TABLE = (ROOT / "docs" / "acceptance.md").read_text()


def test_every_named_test_exists() -> None:
    named = re.findall(r"`([\w/]+\.py)::(test_\w+)`", TABLE)
    assert len(named) > 50
    for file, name in named:
        assert re.search(rf"^def {name}\b", (ROOT / "tests" / file).read_text(), re.M), name


def test_all_points_are_there_once() -> None:
    points: list[int] = []
    for cell in re.findall(r"^\| ([\d, to]+) \|", TABLE, re.M):
        ends = [int(number) for number in re.findall(r"\d+", cell)]
        points += range(ends[0], ends[1] + 1) if "to" in cell else ends
    assert points == list(range(1, 68))
