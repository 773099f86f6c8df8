"""Run tiny searches here, kill them at a chosen moment, and compare everything they leave."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import torch

from proxyless_nas import named_space
from proxyless_nas.weights import load_tensors
from search import loop
from search.config import (
    AnySearchConfig,
    EvolutionConfig,
    ProxylessConfig,
    RandomConfig,
    ReinforceConfig,
)
from search.evaluators import SharedWeights
from search.run import search
from training.run_folder import read_log

MIDDLE = 1.3 * named_space("smoke").network([0, 0, 0, 0]).macs
STEPS, WARM_UP, ROUND = 18, 6, 4
"""Weight steps, those of them in the warm-up of a gradient search, networks judged at a time."""
EVERY_SECOND = 1.0
"""Of `run_killed`'s clock: the state is saved behind every second step, log lines are due behind
two of three."""
SHORT: dict[str, Any] = {
    "space": "smoke",
    "cost": "macs",
    "tolerance": 0.5,
    "limit": 400,
    "held_out": 100,
    "batch_size": 25,
    "epochs": 1.5,
    "threads": 1,
    "workers": 0,
    "device": "cpu",
}
LEARNING: dict[str, Any] = {"warmup_epochs": 0.5, "arch_every": 1, "arch_lr": 0.3}
JUDGING: dict[str, Any] = {"judged_on": 50, "networks": ROUND}
PRESETS: dict[str, tuple[type[AnySearchConfig], dict[str, Any]]] = {
    "two paths": (ProxylessConfig, LEARNING),
    "all paths": (ProxylessConfig, LEARNING | {"paths": "all"}),
    "reinforce": (ReinforceConfig, LEARNING | {"networks": ROUND}),
    "evolution": (EvolutionConfig, JUDGING | {"generations": 3}),
    "random": (RandomConfig, JUDGING),
}


class Killed(BaseException):
    """What ends a search in the middle, whatever it catches."""


def tiny(
    preset: str, out: Path, *budgets: float, checkpoint_seconds: float = 1e9
) -> AnySearchConfig:
    """A search of a second or two on the smoke space."""
    kind, more = PRESETS[preset]
    return kind(
        out=str(out),
        budget=budgets or (MIDDLE,),
        checkpoint_seconds=checkpoint_seconds,
        **SHORT,
        **more,
    )


def run(config: AnySearchConfig, chance: int = 0) -> None:
    """Search in this process, whose own generator stands anywhere."""
    with torch.random.fork_rng(devices=[]), one_thread():
        torch.manual_seed(chance)
        search(config)


@contextmanager
def one_thread() -> Iterator[None]:
    """Within, torch computes in one thread; behind it, in as many as before."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def run_killed(config: AnySearchConfig, calls: int) -> None:
    """Search until the evaluator is called for the `calls`-th time; that call never answers.

    A second passes at every look at the clock, so checkpoints come at the same steps every time.
    """
    killed = False
    clock = SimpleNamespace(monotonic=itertools.count().__next__)
    with _failing(calls), mock.patch.object(loop, "time", clock):
        try:
            run(config, chance=calls)
        except Killed:
            killed = True
    assert killed, f"the search ended before its evaluator was called {calls} times"


@contextmanager
def _failing(calls: int) -> Iterator[None]:
    count = itertools.count(1)

    def counted(method: Any) -> Any:
        def call(*given: Any) -> Any:
            if next(count) == calls:
                raise Killed
            return method(*given)

        return call

    with (
        mock.patch.object(SharedWeights, "learn", counted(SharedWeights.learn)),
        mock.patch.object(SharedWeights, "evaluate", counted(SharedWeights.evaluate)),
    ):
        yield


def left_in(folder: Path) -> dict[str, Any]:
    """Everything that a finished search says: result, log, tries, weights, strategy, momentum."""
    return {
        "found.json": (folder / "found.json").read_text(),
        "spec.json": (folder / "spec.json").read_text(),
        "log": read_log(folder / loop.LOG),
        "tries": read_log(folder / loop.TRIES),
        "weights": load_tensors(folder / "weights.pt"),
        "last": load_tensors(folder / "last.pt"),
    }


def assert_same(one: Any, other: Any, place: str = "") -> None:
    """Equal, bit for bit, however deep; the first difference is named."""
    assert type(one) is type(other), place
    if isinstance(one, torch.Tensor):
        assert one.dtype == other.dtype and torch.equal(one, other), place
    elif isinstance(one, dict):
        assert list(one) == list(other), place
        for key in one:
            assert_same(one[key], other[key], f"{place}/{key}")
    elif isinstance(one, list | tuple):
        assert len(one) == len(other), place
        for index, pair in enumerate(zip(one, other, strict=True)):
            assert_same(*pair, f"{place}/{index}")
    else:
        assert one == other, place
