"""What is measured beside the whole network, on a machine that has slow spells."""

import math
from types import SimpleNamespace
from typing import Any

import pytest

from search.auto import latency
from search.auto.latency import Clock


def timed(
    monkeypatch: pytest.MonkeyPatch,
    least: float,
    *sessions: float,
    share: float = math.inf,
    unlucky: int = 0,
) -> tuple[Any, int]:
    """What takes half of what the whole network takes: so many ms in each session. In the first
    `unlucky` ones it takes a tenth more than that."""
    left = list(sessions)

    def measure(models: list[Any], **how: object) -> list[Any]:
        luck = 1.1 if len(sessions) - len(left) < unlucky else 1.0
        ms = left.pop(0)
        return [SimpleNamespace(p10_ms=ms * one * (1 if one == 1 else luck)) for one in models]

    monkeypatch.setattr(latency, "measure_networks", measure)
    clock: Any = SimpleNamespace(_whole=1.0, _runtime=None)
    model: Any = 0.5
    _, times = Clock._timed(clock, [model], least, share)
    return times, len(sessions) - len(left)


def test_a_calm_machine_has_two_sessions_and_the_better_one_counts(monkeypatch) -> None:
    times, held = timed(monkeypatch, 1.0, 1.2, 1.04, 1.0)
    assert held == 2 and (times.whole_ms, times.ms) == (1.04, 0.52)


def test_a_slow_spell_is_waited_out_for_some_sessions(monkeypatch) -> None:
    times, held = timed(monkeypatch, 1.0, 1.3, 1.3, 1.2, 1.01, 1.0)
    assert held == 4 and (times.whole_ms, times.ms) == (1.01, 0.505)
    times, held = timed(monkeypatch, 1.0, *[1.3] * 9)
    assert held == 6 and times.whole_ms == 1.3


def test_what_is_slower_than_a_network_with_the_same_layers_is_given_more_sessions(
    monkeypatch,
) -> None:
    times, held = timed(monkeypatch, 1.0, *[1.0] * 9, share=0.5, unlucky=3)
    assert held == 4 and times.ms == 0.5
    times, held = timed(monkeypatch, 1.0, *[1.0] * 9, share=0.5, unlucky=9)
    assert held == 6 and times.ms == 0.55  # it is slower: that is what is told
    assert timed(monkeypatch, 1.0, *[1.0] * 9, share=0.6, unlucky=9)[1] == 2
