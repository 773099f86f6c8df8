"""The mask step with a share for each layer: spread by a rule, or told layer by layer."""

from pathlib import Path

import pytest
import torch
from torch import nn

from compression.masks import masks_of
from compression.masks.ratios import heuristic
from compression.recipe import Recipe, read_recipe
from compression.schedule import When
from compression.selectors import Where
from compression.steps import MaskStep
from proxyless_nas.layer import Shape
from tests.training.learning import short_plan

SHAPE = Shape(3, 8, 8)


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 10, 3), nn.Conv2d(10, 20, 3), nn.Flatten(), nn.Linear(320, 50)
    )


def shares(step: MaskStep, steps: int = 8) -> list[dict[str, float]]:
    """By layer, the share that is masked before each step of a training of two an epoch."""
    one = network()
    companion = Recipe((step,)).accompany(one, SHAPE, short_plan(2, steps))
    found = []
    for number in range(steps):
        companion.before(number)
        masks = masks_of(one)
        found.append({
            name.removesuffix(".weight"): 1 - float(mask.kept.float().mean())
            for name, mask in masks.items()
        })  # fmt: skip
    return found


def test_a_share_of_everything_is_spread_by_the_heuristic_at_every_time() -> None:
    curve = {"curve": "linear", "start": 0.3, "stop": 0.8}
    step = MaskStep(method={"by": "level", "share": curve}, ratios="heuristic", when=When(end=2))
    counts = {"0": 270, "1": 1800, "3": 16_000}
    for number, share in ((0, 0.3), (2, 0.8)):
        found = shares(step)[number]
        expected = dict(zip(counts, heuristic(share, list(counts.values())), strict=True))
        assert found == pytest.approx(expected, abs=1 / 270)
        lost = sum(counts[name] * one for name, one in found.items())
        assert lost == pytest.approx(share * sum(counts.values()), abs=3)  # each rounds down


def test_layers_may_have_shares_of_their_own_and_curves() -> None:
    own = {"0": 0.1, "1": {"curve": "list", "to": [0.2, 0.5]}, "3": 0.9}
    step = MaskStep(method={"by": "level", "share": own}, when=When(end=2))
    found = shares(step)
    assert found[0] == pytest.approx({"0": 0.1, "1": 0.2, "3": 0.9}, abs=1 / 270)
    assert found[2] == pytest.approx({"0": 0.1, "1": 0.5, "3": 0.9}, abs=1 / 270)


@pytest.mark.parametrize(
    "told, where, message",
    [
        ({"0": 0.1, "1": 0.2, "2": 0.9}, Where(), r"names 2, and `where` finds no such layer"),
        ({"0": 0.1, "1": 0.2}, Where(), r"says nothing of 3: name it too, or exclude it"),
        ({"0": 0.1, "3": 0.2}, Where(type="Conv2d"), r"names 3, and `where`"),
    ],
)
def test_layers_that_do_not_fit_are_named(
    told: dict[str, float], where: Where, message: str
) -> None:
    step = MaskStep(method={"by": "level", "share": told}, where=where)
    with pytest.raises(ValueError, match=message):
        shares(step)


def test_a_misspelt_layer_is_told_the_nearest_one() -> None:
    one = nn.Sequential()
    one.add_module("conv_first", nn.Conv2d(3, 4, 3))
    step = MaskStep(method={"by": "level", "share": {"conv_frist": 0.5}})
    with pytest.raises(ValueError, match=r"did you mean conv_first\?"):
        Recipe((step,)).accompany(one, SHAPE, short_plan(2, 8))


@pytest.mark.parametrize(
    "text, message",
    [
        ("method: {by: threshold, value: 1}, ratios: heuristic", "spreads one `share`"),
        ("method: {by: level, share: {a: 0.5}}, ratios: heuristic", "spreads one `share`"),
        ("method: {by: level, share: 0.5}, ratios: optimal", "ratios"),
        ("method: {by: level, share: {}}", "name the same layers"),
        ("method: {by: surgery, low: {a: 1}, high: {b: 1}}", "name the same layers"),
        ("method: {by: level, share: {a: 1.5}}", "share must lie between 0 and 1"),
    ],
)
def test_what_is_no_method_is_refused_when_it_is_read(
    text: str, message: str, tmp_path: Path
) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text(f"steps: [{{do: mask, {text}}}]")
    with pytest.raises(ValueError, match=message):
        read_recipe(file)
