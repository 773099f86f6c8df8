"""Scores: what is counted is what happens, and a goal is met as well as any threshold can."""

import math

import pytest
import torch
from torch import Tensor, nn

from compression.exits import Confidence, Entropy, Leaving, add_exits
from compression.exits.curve import curve_of
from compression.exits.score import Heard, hear, outcome
from compression.exits.work import Work, work_of
from proxyless_nas import macs_of
from proxyless_nas.layer import Shape
from tests.compression.exits.networks import between, cases, counted, images, places

RULES = (Confidence(), Entropy())
WORK = Work((100, 50, 200), (3, 5))


def heard_by_chance(seed: int, images: int = 40) -> Heard:
    """Some images are equally sure; later exits are right more often."""
    chance = torch.Generator().manual_seed(seed)
    sure = torch.rand(images, 2, generator=chance, dtype=torch.float64).mul(20).round() / 20
    wrong = torch.rand(images, 3, generator=chance) > torch.tensor([0.5, 0.6, 0.8])
    return Heard(sure, ~wrong)


def by_hand(heard: Heard, sign: int, thresholds: tuple[float | None, ...]) -> tuple[float, float]:
    """Accuracy and MACs, image by image."""
    right, macs = 0, 0
    for sure, rights in zip(heard.sure.tolist(), heard.right.tolist(), strict=True):
        place = len(sure)
        for number, (value, threshold) in enumerate(zip(sure, thresholds, strict=True)):
            macs += WORK.stages[number]
            if threshold is not None:
                macs += WORK.heads[number]
                if sign * value >= sign * threshold:
                    place = number
                    break
        else:
            macs += WORK.stages[-1]
        right += rights[place]
    return right / len(heard.sure), macs / len(heard.sure)


def test_rules_are_what_they_say() -> None:
    logits = torch.tensor(
        [[0.0, 0.0, 0.0, 0.0], [9.0, 0.0, 0.0, 0.0], [math.log(3), 0.0, -99, -99]]
    )
    torch.testing.assert_close(
        Confidence().value(logits)[[0, 2]], torch.tensor([0.25, 0.75]).double()
    )
    expected = torch.tensor([math.log(4), -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))])
    torch.testing.assert_close(Entropy().value(logits)[[0, 2]], expected.double())
    assert Confidence().enough(logits, 0.75 - 1e-9).tolist() == [False, True, True]
    assert Entropy().enough(logits, float(expected[1]) + 1e-6).tolist() == [False, True, True]


@pytest.mark.parametrize("name", [name for name in cases() if name != "code that is not traced"])
@pytest.mark.parametrize("rule", RULES)
def test_an_outcome_is_what_answers_does(name: str, rule: Confidence | Entropy) -> None:
    network, shape, at = cases()[name]
    alone = macs_of(network, shape)
    parted = add_exits(network, shape, at).eval()
    work = work_of(parted, shape)
    assert work.alone == alone
    assert sum(work.stages) + sum(work.heads) == macs_of(parted, shape)
    x, y = images(shape, 21), torch.arange(21) % 4
    heard = hear(parted, [(x[:8], y[:8]), (x[8:], y[8:])], rule)
    middle = [between(one) for one in heard.sure.T]
    for thresholds in (middle, (None, *middle[1:]), (None,) * len(at)):
        leaving = Leaving(thresholds=tuple(thresholds), rule=rule)
        with counted(*parted.stages, *parted.exits) as counts:
            answers = parted.answers(x, leaving)
        found = outcome(heard, leaving, work)
        right = answers.logits.argmax(1) == y
        assert found.images == 21 and found.accuracy == pytest.approx(float(right.float().mean()))
        macs = [n * each for n, each in zip(counts, (*work.stages, *work.heads), strict=True)]
        assert found.macs == pytest.approx(sum(macs) / 21)
        for number, left in enumerate(found.exits):
            there = answers.exit == number
            assert left.share == pytest.approx(float(there.float().mean()))
            if there.any():
                assert left.accuracy == pytest.approx(float(right[there].float().mean()))
            else:
                assert left.accuracy is None


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("seed", range(4))
def test_a_curve_has_every_outcome_once(rule: Confidence | Entropy, seed: int) -> None:
    heard = heard_by_chance(seed)
    curve = curve_of(heard, rule, WORK)
    for threshold, *found in zip(curve.thresholds, curve.accuracy, curve.macs, strict=True):
        assert tuple(found) == pytest.approx(by_hand(heard, rule.sign, (threshold, threshold)))
    assert curve.thresholds[0] is None and curve.macs[0] == WORK.alone
    every = {by_hand(heard, rule.sign, (t, t)) for t in heard.sure.flatten().tolist()}
    assert len(every) > 10
    for one in every:
        assert any(one == pytest.approx(point) for point in zip(curve.accuracy, curve.macs))  # noqa: B905
    assert list(curve.macs[1:]) == sorted(curve.macs[1:], reverse=True)
    everyone = outcome(heard, curve.leaving(len(curve.macs) - 1), WORK)
    assert everyone.exits[0].share == 1 and everyone.macs == curve.macs[-1] == 103


@pytest.mark.parametrize("seed", range(4))
def test_a_goal_is_met_as_well_as_one_threshold_can(seed: int) -> None:
    heard = heard_by_chance(seed)
    curve = curve_of(heard, Confidence(), WORK)
    tried = [None, *(t / 100 + 0.005 for t in range(100)), 0.0]
    outcomes = [by_hand(heard, 1, (t, t)) for t in tried]
    for share in (0.4, 0.6, 0.8, 1.0):
        place = curve.within_macs(share * WORK.alone)
        best = max(accuracy for accuracy, macs in outcomes if macs <= share * WORK.alone)
        assert curve.macs[place] <= share * WORK.alone
        assert curve.accuracy[place] == pytest.approx(best)
    for lost in (0.0, 0.02, 0.2):
        place = curve.within_loss(lost)
        least = min(macs for top1, macs in outcomes if top1 >= curve.accuracy[0] - lost - 1e-9)
        assert curve.accuracy[place] >= curve.accuracy[0] - lost - 1e-9
        assert curve.macs[place] == pytest.approx(least)
    with pytest.raises(ValueError, match=r"10 MACs cannot be met: .* cost 103"):
        curve.within_macs(10)
    with pytest.raises(ValueError, match="no thresholds gain"):
        curve.within_loss(-1)
    assert curve.evenly(5)[0] == 0 and curve.evenly(5)[-1] == len(curve.macs) - 1


def test_the_threshold_found_leaves_room_on_both_sides() -> None:
    """Another batch size moves numbers by their last digit, and nobody changes sides."""
    heard = heard_by_chance(0)
    curve = curve_of(heard, Confidence(), WORK)
    for threshold in curve.thresholds[1:-1]:
        assert threshold is not None
        assert (heard.sure.cummax(1).values - threshold).abs().min() > 0.02


def test_a_layer_in_two_stages_has_no_place() -> None:
    class Again(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1)
            self.head = nn.Linear(3, 4)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.a(self.b(self.a(x))).mean((2, 3)))

    shape = Shape(3, 8, 8)
    parted = add_exits(Again().eval(), shape, places("b"))
    with pytest.raises(ValueError, match="a layer works in several stages"):
        work_of(parted, shape)


def test_no_images_are_an_error() -> None:
    network, shape, at = cases()["inside a residual"]
    with pytest.raises(ValueError, match="nothing to evaluate"):
        hear(add_exits(network, shape, at), [], Confidence())
