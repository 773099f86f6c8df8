"""A file that was hurt in any way is read correctly or refused by name, never misread."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from latency_tables import LatencyTable
from latency_tables.journal import journal_path, read
from proxyless_nas import named_space
from tests.latency_tables.helpers import FakeDevice, made_up_table

SPACE = named_space("smoke")
OFTEN = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a good table."""
    path = tmp_path_factory.mktemp("whole") / "t.json"
    made_up_table(SPACE).save(path)
    return path.read_bytes()


def refused_or_read(path: Path, data: bytes) -> LatencyTable | None:
    """The table, or None where it was refused by an error that names the file and the way out."""
    path.write_bytes(data)
    try:
        return LatencyTable.load(path)
    except ValueError as error:
        assert path.name in str(error) and "latency_tables measure" in str(error)
        return None


@OFTEN
@given(data=st.data())
def test_bytes_that_are_cut_changed_or_doubled(data, whole: bytes, tmp_path) -> None:
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, min(start + 40, len(whole))))
    instead = data.draw(st.binary(max_size=40))
    table = refused_or_read(tmp_path / "t.json", whole[:start] + instead + whole[end:])
    if table is not None:
        assert table.entries and all(entry.ms > 0 for entry in table.entries.values())


@OFTEN
@given(part=st.floats(0, 1, exclude_max=True))
def test_a_file_that_ends_early_is_refused(part: float, whole: bytes, tmp_path) -> None:
    data = whole[: int(len(whole.rstrip()) * part)]
    assert refused_or_read(tmp_path / "t.json", data) is None


def places(value: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every value in a JSON document."""
    inside: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        inside = list(value.items())
    elif isinstance(value, list):
        inside = list(enumerate(value))
    return [way, *(place for key, one in inside for place in places(one, (*way, key)))]


@OFTEN
@given(data=st.data())
def test_values_that_became_others(data, whole: bytes, tmp_path) -> None:
    document = json.loads(whole)
    way = data.draw(st.sampled_from(places(document)[1:]))
    scalars = (
        st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False) | st.text()
    )
    instead = data.draw(scalars | st.lists(scalars, max_size=2))
    home = document
    for key in way[:-1]:
        home = home[key]
    if data.draw(st.booleans()):
        home[way[-1]] = instead
    else:
        del home[way[-1]]
    table = refused_or_read(tmp_path / "t.json", json.dumps(document).encode())
    if table is not None:
        assert all(0 < entry.ms < float("inf") for entry in table.entries.values())


@settings(parent=OFTEN, max_examples=25)
@given(part=st.floats(0, 1))
def test_a_journal_cut_at_any_byte_goes_on(part: float, tmp_path) -> None:
    out = tmp_path / "t.json"
    out.unlink(missing_ok=True)
    with pytest.raises(KeyboardInterrupt):
        FakeDevice(dies_after=6000).measure(out)
    journal = journal_path(out)
    data = journal.read_bytes()
    journal.write_bytes(data[: int(len(data) * part)])
    kept = data[: int(len(data) * part)].count(b"\n")
    second = FakeDevice(dies_after=1500)
    with pytest.raises(KeyboardInterrupt):
        second.measure(out)
    lines = journal.read_bytes().splitlines(keepends=True)
    assert b"".join(lines[:kept]) == b"".join(data.splitlines(keepends=True)[:kept])
    assert sum(map(len, read(journal)[1].values())) >= kept - 1
    assert len(FakeDevice().measure(out).entries) == len(SPACE.blocks())
