"""What is measured beside the whole network, on a machine that has slow spells."""

from types import SimpleNamespace
from typing import Any

import pytest

from search.auto import latency
from search.auto.latency import Clock


def timed(monkeypatch: pytest.MonkeyPatch, least: float, *sessions: float) -> tuple[Any, int]:
    """What takes half of what the whole network takes: so many ms in each session."""
    left = list(sessions)

    def measure(models: list[Any], **how: object) -> list[Any]:
        ms = left.pop(0)
        return [SimpleNamespace(p10_ms=ms * one) for one in models]

    monkeypatch.setattr(latency, "measure_networks", measure)
    clock: Any = SimpleNamespace(_whole=1.0, _runtime=None)
    model: Any = 0.5
    _, times = Clock._timed(clock, [model], least)
    return times, len(sessions) - len(left)


def test_a_calm_machine_has_two_sessions_and_the_better_one_counts(monkeypatch) -> None:
    times, held = timed(monkeypatch, 1.0, 1.2, 1.04, 1.0)
    assert held == 2 and (times.whole_ms, times.ms) == (1.04, 0.52)


def test_a_slow_spell_is_waited_out_for_some_sessions(monkeypatch) -> None:
    times, held = timed(monkeypatch, 1.0, 1.3, 1.3, 1.2, 1.01, 1.0)
    assert held == 4 and (times.whole_ms, times.ms) == (1.01, 0.505)
    times, held = timed(monkeypatch, 1.0, *[1.3] * 9)
    assert held == 6 and times.whole_ms == 1.3
