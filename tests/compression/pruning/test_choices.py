"""Choices and goals: random networks cost what they may, sensitivities become losses, bad configs
are told."""

from pathlib import Path

import msgspec
import numpy as np
import pytest
from torch import nn

from compression.pruning.choices import Known, RandomNetworks, losses_tried
from compression.pruning.clock import Clock
from compression.pruning.config import Pruning
from compression.pruning.goals import LatencyGoal
from compression.pruning.tries import Tries
from compression.sensitivity import Sensitivity, Tried
from compression.widths import Gone
from compression.widths.random_points import draw
from latency_tables.model import Model
from latency_tables.protocol import Protocol
from proxyless_nas.layer import Shape
from training.evaluate import Evaluation

WIDTHS = {"a": 16, "b": 32, "c": 64}


def cost(gone: Gone) -> float:
    return float(sum((width - gone.get(name, 0)) ** 2 for name, width in WIDTHS.items()))


def score(loss: float, top1: float = 0.5) -> Evaluation:
    return Evaluation(top1, 1.0, loss, 100)


def test_random_networks_cost_what_they_may_and_differ() -> None:
    most = 0.5 * cost({})
    drawn = [draw(WIDTHS, cost, most, np.random.default_rng((0, i)), 0.3, 2) for i in range(20)]
    costs = np.array([cost(gone) for gone in drawn])
    assert (costs <= most).all() and costs.mean() > 0.93 * most
    shares = np.array([[gone[name] / width for name, width in WIDTHS.items()] for gone in drawn])
    assert (shares.std(axis=0) > 0.02).all()  # the widest decides most of the cost
    assert all((width - gone[name]) % 2 == 0 for gone in drawn for name, width in WIDTHS.items())
    assert draw(WIDTHS, cost, most, np.random.default_rng((0, 3)), 0.3, 2) == drawn[3]
    with pytest.raises(ValueError, match="cannot be met"):
        draw(WIDTHS, cost, 1.0, np.random.default_rng(0))


def test_the_best_random_network_wins_and_an_interrupted_search_goes_on(tmp_path: Path) -> None:
    asked = list[Gone]()

    def judge(gone: Gone) -> Evaluation:
        if len(asked) == 4:
            asked.append(gone)
            raise KeyboardInterrupt
        asked.append(gone)
        return score(1.0, 1 - gone["c"] / 64)

    def known(tries: Tries) -> Known:
        return Known(
            WIDTHS, {}, False, 1, cost, 0.5 * cost({}), lambda: pytest.fail("asked"), tries.score
        )

    choice, file = RandomNetworks(networks=8), tmp_path / "tries.json"
    with pytest.raises(KeyboardInterrupt):
        choice.gone(known(Tries(file, "same", judge)))
    best = choice.gone(known(Tries(file, "same", judge)))
    drawn = len(asked)
    assert asked[4] == asked[5] and asked.count(asked[0]) == 1 and 7 < drawn <= 9
    assert best["c"] == min(gone["c"] for gone in asked)
    choice.gone(known(Tries(file, "same", judge)))
    assert len(asked) == drawn
    choice.gone(known(Tries(file, "another network", judge)))
    assert len(asked) == 2 * drawn - 1


def test_what_was_tried_becomes_a_loss_that_never_falls() -> None:
    tried = (
        Tried("a", 0.25, 4, score(1.4)),
        Tried("a", 0.5, 8, score(1.2)),
        Tried("a", 0.75, 12, score(3.0)),
        Tried("b", 0.5, 16, score(0.9)),
    )
    found = losses_tried(Sensitivity("", score(1.0), tried), {"a": 16, "b": 32})
    np.testing.assert_allclose(found["a"][[0, 2, 4, 6, 8, 10, 12, 15]],
                               [0, 0.2, 0.4, 0.4, 0.4, 1.1, 2, 2])  # fmt: skip
    assert not found["b"].any()


@pytest.mark.parametrize(
    "changed, message",
    [
        ({"goal": {"of": "macs", "share": 0}}, "share above 0"),
        ({"goal": {"of": "mac", "share": 0.5}}, "mac"),
        ({"goal": {"of": "macs"}}, "share"),
        ({"goal": {"of": "accuracy", "drop": 1}}, "drops by 0 to 1"),
        ({"goal": {"of": "accuracy", "drop": 0.1}, "choose": {"by": "evenly"}}, "by-sensitivity"),
        (
            {"goal": {"of": "latency", "share": 0.5}, "choose": {"by": "random-networks"}},
            "least-lost",
        ),
        ({"goal": {"of": "latency", "share": 0.5, "runtime": {"runtime": "onnx"}}}, "onnx"),
        ({"choose": {"by": "least-lost", "widths": 0}}, "widths"),
        ({"choose": {"by": "random-networks", "networks": 0}}, "networks"),
        ({"train": {"arch": "x", "out": "runs/x"}}, "finetune"),
        ({"train": {"arch": "x", "compress": "r.yaml"}}, "main.py --compress"),
        ({"train": {"arch": "x", "epoch": 3}}, "epoch"),
        ({"shares": []}, "shares"),
        ({"shares": [1.0]}, "shares"),
        ({"multiple": 0}, "multiple"),
        ({"spread_s": -1}, "spread_s"),
        ({"multiples": 8}, "multiples"),
    ],
)
def test_a_config_that_cannot_work_is_told(changed: dict[str, object], message: str) -> None:
    good = {"out": "x", "train": {"arch": "x"}, "goal": {"of": "macs", "share": 0.5}}
    msgspec.convert(good, Pruning)
    with pytest.raises(msgspec.ValidationError, match=message):
        msgspec.convert({**good, **changed}, Pruning)


@pytest.mark.parametrize(
    ("measured", "ratio"), [((0.7, 0.9), 0.9), ((0.7, 0.75), 0.75), ((0.81,), 0.81)]
)
def test_a_latency_that_meets_its_goal_is_measured_again(
    measured: tuple[float, ...], ratio: float
) -> None:
    left = list(measured)

    class Told(Clock, frozen=True):
        def times(self, model: Model, protocol: Protocol, visits: int) -> tuple[float, float]:
            return 2.0, 2.0 * left.pop(0)

    whole = nn.Sequential(nn.Conv2d(3, 4, 3))
    clock = Told.of(LatencyGoal(share=0.8), whole, Shape(3, 8, 8))
    assert clock.ratio(whole) == pytest.approx(ratio) and not left
