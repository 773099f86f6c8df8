"""Several processes share one search: no judgement twice, the same answer, and nobody is missed."""

import multiprocessing
import os
import signal
import time
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np
import torch

from search.asking import ask_and_tell
from search.choices import Choices, Evidence
from search.journal import Journal, Line
from search.strategies import BackTracking, LeastLost
from search.strategies.base import Strategy

COUNTS = (4,) * 6
HANGS = 7
"""The judgement in which one worker stays."""
FORK = multiprocessing.get_context("fork")


def straight(known: dict[int, float]) -> np.ndarray:
    tried = sorted(known)
    return np.interp(range(COUNTS[0]), tried, [known[one] for one in tried])


def excess(options: tuple[int, ...]) -> float:
    return 1.6 - sum(options) / 18


def strategy_of(name: str) -> Strategy:
    if name == "least-lost":
        each = [(1, 3)] * len(COUNTS)
        return LeastLost(COUNTS, excess, each, [straight] * len(COUNTS), tries=6)
    return BackTracking(COUNTS, excess, drop=1.0)


def evidence(choices: Choices) -> Evidence:
    lost = sum((1 + knob) * option for knob, option in enumerate(choices.options)) / 100
    return Evidence(torch.tensor(lost, dtype=torch.float64), torch.tensor(1 - lost))


def work(name: str, out: Path, worker: int, hangs: bool) -> None:
    """Search with a journal; note what was judged here, and the answer."""
    mine: list[int] = []

    def judge(number: int, choices: Choices) -> Evidence:
        mine.append(number)
        if hangs and number >= HANGS:
            (out / "hangs").touch()
            time.sleep(60)
        time.sleep(0.02)
        return evidence(choices)

    strategy = strategy_of(name)
    ask_and_tell(strategy, judge, Journal(out / "journal"), 200, name)
    told = [",".join(map(str, one)) for one in (mine, strategy.best().options)]
    (out / f"worker-{worker}").write_text("\n".join(told))


def start(name: str, out: Path, worker: int, hangs: bool = False) -> BaseProcess:
    process = FORK.Process(target=work, args=(name, out, worker, hangs))
    process.start()
    return process


def ended(process: BaseProcess) -> None:
    process.join(60)
    assert process.exitcode == 0


def told(out: Path, worker: int) -> tuple[list[int], tuple[int, ...]]:
    mine, best = (out / f"worker-{worker}").read_text().split("\n")
    return [int(one) for one in mine.split(",") if one], tuple(map(int, best.split(",")))


def alone(name: str, file: Path) -> tuple[Strategy, Journal]:
    strategy, journal = strategy_of(name), Journal(file)
    ask_and_tell(strategy, lambda _, choices: evidence(choices), journal, 200, name)
    return strategy, journal


def plain(lines: list[Line]) -> list[tuple[int, tuple[int, ...], float]]:
    return [(one.number, one.options, one.loss) for one in lines]


def test_two_workers_judge_each_network_once_and_answer_as_one_does(tmp_path: Path) -> None:
    whole, journal = alone("least-lost", tmp_path / "alone")
    for process in [start("least-lost", tmp_path, worker) for worker in range(2)]:
        ended(process)
    (first, one), (second, other) = (told(tmp_path, worker) for worker in range(2))
    assert first and second and not set(first) & set(second)
    assert sorted(first + second) == [line.number for line in journal.lines]
    assert one == other == whole.best().options
    assert plain(Journal(tmp_path / "journal").lines) == plain(journal.lines)


def test_one_at_a_time_is_no_more_than_one_worker_but_both_end(tmp_path: Path) -> None:
    whole, journal = alone("back-tracking", tmp_path / "alone")
    for process in [start("back-tracking", tmp_path, worker) for worker in range(2)]:
        ended(process)
    (first, one), (second, other) = (told(tmp_path, worker) for worker in range(2))
    assert sorted(first + second) == [line.number for line in journal.lines]
    assert one == other == whole.best().options


def test_what_a_killed_worker_had_claimed_is_judged_by_another(tmp_path: Path) -> None:
    whole, journal = alone("least-lost", tmp_path / "alone")
    stuck = start("least-lost", tmp_path, 0, hangs=True)
    while not (tmp_path / "hangs").exists():
        time.sleep(0.01)
    other = start("least-lost", tmp_path, 1)
    time.sleep(0.5)
    assert other.is_alive() and len(Journal(tmp_path / "journal").lines) < len(journal.lines)
    assert stuck.pid is not None
    os.kill(stuck.pid, signal.SIGKILL)
    stuck.join()
    ended(other)
    _, best = told(tmp_path, 1)
    assert best == whole.best().options
    assert plain(Journal(tmp_path / "journal").lines) == plain(journal.lines)


def test_a_torn_line_is_written_over(tmp_path: Path) -> None:
    file = tmp_path / "journal"
    journal = Journal(file)
    lines = [Line(number, (number, 0), 0.5, 0.25, 1.0) for number in range(3)]
    journal.add(lines[0])
    file.write_bytes(file.read_bytes() + b'{"number":1,"opt')
    again = Journal(file)
    assert again.lines == lines[:1]
    again.add(lines[1])
    journal.add(lines[2])
    assert Journal(file).lines == journal.lines == lines
