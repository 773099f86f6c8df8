"""Laws of measuring a space: what is resumed, what is kept, what is never mixed."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from msgspec import structs
from msgspec.structs import replace

from latency_tables import LatencyTable, TableLatency, signature
from latency_tables.context import before_key, before_models
from latency_tables.entry import entry_of
from latency_tables.journal import journal_path, read
from latency_tables.parts import different_parts, parse_part, parts_of
from latency_tables.protocol import EMPTY, SENTINEL, finished
from proxyless_nas import MBConv, Shape, named_space
from tests.latency_tables.helpers import QUICK, FakeDevice, made_up_price, price_of

SPACE = named_space("smoke")


def test_a_table_holds_the_time_of_every_block_of_the_space(tmp_path) -> None:
    table = FakeDevice().measure(tmp_path / "t.json")
    assert set(table.entries) == {signature(*placed) for placed in SPACE.blocks()}
    for placed in SPACE.blocks():
        assert table.entries_of([placed])[0].ms == pytest.approx(made_up_price(placed), rel=1e-4)
    assert not table.head.contended
    assert LatencyTable.load(tmp_path / "t.json") == table
    assert not journal_path(tmp_path / "t.json").exists()


def test_an_interrupted_run_gives_the_same_entries_and_calls_less(tmp_path) -> None:
    whole = FakeDevice()
    expected = whole.measure(tmp_path / "whole.json")
    first = FakeDevice(dies_after=whole.clock.calls // 2)
    with pytest.raises(KeyboardInterrupt):
        first.measure(tmp_path / "t.json")
    assert not (tmp_path / "t.json").exists()
    second = FakeDevice()
    table = second.measure(tmp_path / "t.json")
    assert table.entries.keys() == expected.entries.keys()
    assert second.clock.calls < 0.7 * whole.clock.calls


@pytest.mark.slow
def test_after_kill_9_finished_entries_are_not_measured_again(tmp_path) -> None:
    out, protocol = tmp_path / "t.json", QUICK
    journal = journal_path(out)
    script = (
        "from tests.latency_tables.helpers import FakeDevice\n"
        f"FakeDevice(pause_s=0.0002).measure({str(out)!r})"
    )
    process = subprocess.Popen([sys.executable, "-c", script], cwd=Path(__file__).parents[2])
    items = len(SPACE.blocks()) + 2  # and the sentinel and the empty call
    enough = 1 + (protocol.min_visits - 1) * items + items // 2  # half-way through the last round
    while not (journal.exists() and journal.read_bytes().count(b"\n") >= enough):
        assert process.poll() is None, "it measured everything before it could be killed"
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    _, before, _ = read(journal)
    done = {key for key, visits in before.items() if finished(visits, protocol)}
    done -= {SENTINEL, EMPTY}
    assert 0 < len(done) < len(SPACE.blocks()) and not out.exists()

    second = FakeDevice()
    built: list[str] = []
    prepare = second.prepare

    def watch(model):
        built.append(model.name)
        return prepare(model)

    second.prepare = watch
    table = second.measure(out)
    assert len(table.entries) == len(SPACE.blocks())
    assert not done & set(built)
    for key in done:
        assert table.entries[key] == entry_of(parse_part(key), before[key])


def test_a_torn_last_line_costs_only_that_line(tmp_path) -> None:
    out = tmp_path / "t.json"
    with pytest.raises(KeyboardInterrupt):
        FakeDevice(dies_after=4000).measure(out)
    journal = journal_path(out)
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:-1]) + lines[-1][:20])
    with pytest.raises(KeyboardInterrupt):
        FakeDevice(dies_after=1500).measure(out)
    assert journal.read_bytes().startswith(b"".join(lines[:-1]))
    assert len(FakeDevice().measure(out).entries) == len(SPACE.blocks())


def test_a_journal_of_another_protocol_is_set_aside_not_mixed(tmp_path, capsys) -> None:
    out = tmp_path / "t.json"
    with pytest.raises(KeyboardInterrupt):
        FakeDevice(dies_after=4000).measure(out)
    table = FakeDevice().measure(out, protocol=replace(QUICK, visit_ms=1.0))
    assert {entry.visits for entry in table.entries.values()} == {6}
    assert "another protocol" in capsys.readouterr().err
    assert (tmp_path / "t.json.journal.1").exists()


def test_a_device_that_changed_its_speed_starts_over(tmp_path, capsys) -> None:
    out = tmp_path / "t.json"
    with pytest.raises(KeyboardInterrupt):
        FakeDevice(dies_after=4000).measure(out)
    slower = FakeDevice()
    slower.speed = 1.2
    table = slower.measure(out)
    assert "sentinel moved" in capsys.readouterr().err
    for placed in SPACE.blocks():
        expected = 1.2 * made_up_price(placed)
        assert table.entries_of([placed])[0].ms == pytest.approx(expected, rel=1e-3)


def test_a_slow_spell_at_the_restart_is_waited_out(tmp_path, capsys) -> None:
    out, patient = tmp_path / "t.json", replace(QUICK, spread_s=0.2)
    with pytest.raises(KeyboardInterrupt):
        FakeDevice(dies_after=8000).measure(out, protocol=patient)
    device = SlowAtFirst(spell_ns=100_000_000)
    table = device.measure(out, protocol=patient)
    assert device.clock.wall > 100_000_000 and "sentinel moved" not in capsys.readouterr().err
    for placed in SPACE.blocks():
        assert table.entries_of([placed])[0].ms == pytest.approx(made_up_price(placed), rel=1e-3)


class SlowAtFirst(FakeDevice):
    """A device that begins in a spell in which everything takes 1.4 times as long."""

    def __init__(self, spell_ns: int) -> None:
        self.spell_ns = spell_ns
        super().__init__()

    @property
    def speed(self) -> float:
        return 1.4 if self.clock.wall < self.spell_ns else 1.0

    @speed.setter
    def speed(self, value: float) -> None:
        """The clock says how fast it is."""


def test_measuring_a_whole_table_again_calls_nothing(tmp_path) -> None:
    out = tmp_path / "t.json"
    first = FakeDevice().measure(out)
    again = FakeDevice()
    assert again.measure(out) == first and again.clock.calls == 0
    assert again.measure(out, fresh=True).entries and again.clock.calls > 0


def test_new_blocks_join_a_table_at_its_speed(tmp_path) -> None:
    out = tmp_path / "t.json"
    old = FakeDevice().measure(out)
    placed = (MBConv(8, 13, 3), Shape(8, 7, 7))
    slower = FakeDevice()
    slower.speed = 1.05
    table = slower.measure(out, extra=[placed])
    assert table.entries_of([placed])[0].ms == pytest.approx(made_up_price(placed), rel=1e-3)
    assert old.entries.items() <= table.entries.items()
    much_slower = FakeDevice()
    much_slower.speed = 1.5
    with pytest.raises(ValueError, match="--fresh"):
        much_slower.measure(out, extra=[(MBConv(8, 14, 3), Shape(8, 7, 7))])


def test_a_table_of_another_identity_is_not_overwritten(tmp_path) -> None:
    out = tmp_path / "t.json"
    table = FakeDevice().measure(out)
    device = structs.replace(table.head.identity.device, cpu="another")
    identity = structs.replace(table.head.identity, device=device)
    structs.replace(table, head=structs.replace(table.head, identity=identity)).save(out)
    with pytest.raises(ValueError, match=r"another device; choose another file, or delete"):
        FakeDevice().measure(out)


class InContext(FakeDevice):
    """A device on which borders cost time: behind a convolution a block takes its price more."""

    def price(self, model) -> float:
        whole = super().price(model)
        if model.name in self.before:
            return whole
        inside = model.name in KEYS
        return whole + price_of(self.before_of[model.name]) if inside else whole

    def __init__(self) -> None:
        super().__init__()
        parts = different_parts(SPACE.blocks(), "block")
        models = before_models(parts.values(), 1)
        self.before = {model.name for model in models.values()}
        self.before_of = {key: models[before_key(part.input)].name for key, part in parts.items()}


KEYS = {signature(*placed) for placed in SPACE.blocks()}


def test_in_context_an_entry_is_what_the_block_adds(tmp_path) -> None:
    table = InContext().measure(tmp_path / "t.json", context="chained")
    assert table.entries.keys() == KEYS
    for placed in SPACE.blocks():
        (entry,) = table.entries_of([placed])
        assert entry.ms == pytest.approx(made_up_price(placed), rel=1e-3)
        assert table.work_ms(entry) == entry.ms


def test_what_borders_cost_cancels_along_a_network(tmp_path) -> None:
    class Borders(InContext):
        """Besides, leaving a block costs as much as its output is large."""

        def price(self, model) -> float:
            y = model.module(torch.zeros(1, *structs.astuple(model.shape)))
            return super().price(model) + 1e-5 * y.numel()

    cost = TableLatency(Borders().measure(tmp_path / "t.json", context="chained"))
    plain = TableLatency(InContext().measure(tmp_path / "u.json", context="chained"))
    ends = 1e-5 * (10 - 28 * 28)  # in every network: out of the last block, into the first
    for options in ([0, 0, 0, 0], [3, 4, 2, 4], [1, 2, 3, 1]):
        spec = SPACE.network(options)
        assert cost.network(spec) - cost.fixed() == pytest.approx(
            plain.network(spec) - plain.fixed() + ends, rel=1e-3
        )


def test_layers_make_a_table_of_their_own(tmp_path) -> None:
    out = tmp_path / "t.json"
    table = FakeDevice().measure(out, granularity="layer")
    spec = SPACE.network([0, 0, 0, 0])
    parts = [part for _, block, shape in spec.placed() for part in parts_of(block, shape, "layer")]
    work = sum(max(price_of(part.key) - table.head.empty_ms, 0.0) for part in parts)
    cost = TableLatency(LatencyTable.load(out))
    assert cost.network(spec) == pytest.approx(work + table.head.empty_ms, rel=1e-3)
    with pytest.raises(ValueError, match="another granularity"):
        FakeDevice().measure(out)


class BusyAtFirst(FakeDevice):
    """Another process takes a third of the core until so many calls were made."""

    def __init__(self, calm_after: int) -> None:
        super().__init__()
        self.calm_after = calm_after

    def prepare(self, model):
        call = super().prepare(model)

        def shared() -> None:
            before = self.clock.cpu
            call()
            if self.clock.calls < self.calm_after:
                self.clock.wall += (self.clock.cpu - before) // 2

        return shared


def test_a_contended_table_is_measured_again_while_attempts_last(tmp_path) -> None:
    one_table = FakeDevice()
    one_table.measure(tmp_path / "calm.json")
    once = one_table.clock.calls
    assert BusyAtFirst(once).measure(tmp_path / "t.json", attempts=1).head.contended
    assert not BusyAtFirst(once).measure(tmp_path / "u.json", attempts=3).head.contended


def test_measuring_again_keeps_the_blocks_that_were_added(tmp_path) -> None:
    out, added = tmp_path / "t.json", (MBConv(8, 14, 3), Shape(8, 7, 7))
    first = BusyAtFirst(10**9).measure(out, extra=[added])
    again = FakeDevice().measure(out, attempts=2)
    assert first.head.contended and not again.head.contended
    assert again.entries.keys() == first.entries.keys() >= {signature(*added)}


def test_tables_merge_only_where_their_heads_agree(tmp_path) -> None:
    whole = FakeDevice().measure(tmp_path / "t.json")
    keys = list(whole.entries)
    first = structs.replace(whole, entries={key: whole.entries[key] for key in keys[:5]})
    slower = structs.replace(
        whole,
        head=structs.replace(whole.head, sentinel_ms=1.2 * (whole.head.sentinel_ms or 0.0)),
        entries={key: whole.entries[key].at_speed(1.2) for key in keys[3:]},
    )
    merged = first.merged(slower)
    assert merged.entries.keys() == whole.entries.keys()
    for key, entry in merged.entries.items():
        assert entry.ms == pytest.approx(whole.entries[key].ms)
    other = structs.replace(whole.head.identity, dtype="int8", threads=2)
    foreign = structs.replace(whole, head=structs.replace(whole.head, identity=other))
    with pytest.raises(ValueError, match="differ in threads and dtype"):
        first.merged(foreign)


def test_a_batch_is_part_of_the_identity(tmp_path) -> None:
    table = FakeDevice().measure(tmp_path / "t.json", batch=4)
    assert table.head.identity.batch == 4
    with pytest.raises(ValueError, match="another batch"):
        FakeDevice().measure(tmp_path / "t.json", batch=2)
