"""Recipes: each step works where and when it says, and mistakes in them are told."""

from pathlib import Path

import msgspec
import pytest
import torch
from torch import nn

from compression.masks import masks_of
from compression.penalties import L1, GroupLasso, GroupVariance
from compression.recipe import RECIPE, Recipe, read_recipe
from compression.schedule import Linear, When
from compression.selectors import Where
from compression.steps import MaskStep, PenaltyStep
from proxyless_nas.layer import Shape
from tests.training.learning import USUAL, images, plain_network, short_plan
from training.learner import Learner, Manner
from training.losses import LabelLoss
from training.optimizer import sgd
from training.workers import Alone

SHAPE = Shape(3, 8, 8)
AGP = {"by": "level", "share": {"curve": "agp", "start": 0.1, "stop": 0.9}}


def taught(recipe: Recipe, per_epoch: int, steps: int) -> Learner:
    network = plain_network()
    optimizer = sgd(network, 0.1, 0.9, 1e-3)
    companion = recipe.accompany(network, SHAPE, short_plan(per_epoch, steps))
    return Learner(network, optimizer, Manner(loss=LabelLoss(), **USUAL), Alone(), companion)


def zeros(module: nn.Module) -> float:
    weight = module.weight
    assert isinstance(weight, torch.Tensor)
    return float((weight == 0).float().mean())


def test_a_curve_is_followed_and_what_is_zero_stays_zero() -> None:
    step = MaskStep(where=Where(type="Linear"), method=AGP, when=When(begin=1, end=4))
    learner = taught(Recipe((step,)), per_epoch=2, steps=12)
    shares, linear = [], learner.network.get_submodule("4")
    for number in range(12):
        learner.step(number, [images(8, number)])
        shares.append(zeros(linear))
    count = linear.get_parameter("parametrizations.weight.original").numel()
    expected = [int(share * count + 1e-6) / count for share in (0.1, 0.8, 0.9)]
    assert shares == pytest.approx([0, 0, *(expected[min(i // 2, 2)] for i in range(10))])
    finished = learner.plain()
    assert set(finished.state_dict()) == set(plain_network().state_dict())
    assert zeros(finished.get_submodule("4")) == shares[-1]
    x, _ = images(4)
    torch.testing.assert_close(finished(x), learner.network(x))
    assert masks_of(learner.network)  # the copy was made plain, not the original


def test_a_penalty_adds_its_slopes_while_it_lasts() -> None:
    strength = Linear(start=0.02, stop=0.04)
    step = PenaltyStep(
        where=Where(type="Conv2d"), kind=L1(), strength=strength, when=When(begin=1, end=3)
    )
    learner = taught(Recipe((step,)), per_epoch=2, steps=8)
    conv = learner.network.get_submodule("0").get_parameter("weight")
    for number in range(8):
        factor = {1: 0.02, 2: 0.04}.get(number // 2, 0.0)
        size = conv.detach().abs().sum()
        x, y = images(8, number)
        alone = nn.functional.cross_entropy(learner.network(x), y)
        slope = torch.autograd.grad(alone, conv)[0] + factor * conv.detach().sign()
        loss = learner.step(number, [(x, y)])
        torch.testing.assert_close(loss, alone.detach() + factor * size)
        assert conv.grad is not None
        torch.testing.assert_close(conv.grad, slope)


def test_penalties_are_what_they_say() -> None:
    weight = torch.randn(4, 6, 3, 3, generator=torch.Generator().manual_seed(0))
    lengths = {
        "filters": [weight[o].norm() for o in range(4)],
        "channels": [weight[:, i].norm() for i in range(6)],
        "kernels": [weight[o, i].norm() for o in range(4) for i in range(6)],
        "layer": [weight.norm()],
    }
    for over, each in lengths.items():
        kind = msgspec.convert({"of": "group-lasso", "over": over}, GroupLasso)
        torch.testing.assert_close(kind.value(weight), torch.stack(each).sum())
        weighted = msgspec.structs.replace(kind, weighted=True).value(weight)
        root = (weight.numel() / len(each)) ** 0.5
        torch.testing.assert_close(weighted, root * torch.stack(each).sum())
    blocks = GroupLasso(over="blocks", size=3).value(weight)
    each = [weight[o, i : i + 3, r, c].norm() for o in range(4) for i in (0, 3)
            for r in range(3) for c in range(3)]  # fmt: skip
    torch.testing.assert_close(blocks, torch.stack(each).sum())
    variance = torch.stack(lengths["channels"]).var()
    torch.testing.assert_close(GroupVariance().value(weight), 1 / variance)
    for wrong in (torch.ones(4), torch.ones(4, 1, 3, 3)):
        with pytest.raises(ValueError, match="no channels that could differ"):
            GroupVariance().value(wrong)
    zero = torch.zeros(4, 6, requires_grad=True)
    GroupLasso().value(zero).backward()
    assert zero.grad is not None and not zero.grad.isnan().any()


@pytest.mark.parametrize(
    "text, message",
    [
        ("steps: []", "a recipe without steps does nothing"),
        ("step: []", "step.*steps"),
        ("steps: [{do: masks, method: {by: level, share: 0.5}}]", "masks"),
        ("steps: [{do: mask, methods: {by: level, share: 0.5}}]", "methods"),
        ("steps: [{do: mask, method: {by: levels, share: 0.5}}]", "levels"),
        ("steps: [{do: mask, method: {by: level, share: 1.5}}]", "share must lie between 0 and 1"),
        ("steps: [{do: mask, method: {by: level, shard: 0.5}}]", "shard|share"),
        ("steps: [{do: mask, method: {by: level, share: {curve: cubic, to: 1}}}]", "cubic"),
        ("steps: [{do: penalty, kind: {of: l1}, strength: a lot}]", "strength"),
        ("steps: [{do: penalty, kind: {of: group-lasso, size: 0}, strength: 1}]", "blocks of 0"),
        ("steps: [{do: channels, macs: 0.5, multiple: 0}]", "multiples of 0"),
        ("steps: [{do: teach, temperature: 0}]", "temperature of 0"),
    ],
)
def test_what_is_wrong_in_a_recipe_is_named(text: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text(text)
    with pytest.raises(ValueError, match=message) as told:
        read_recipe(file, tmp_path)
    assert str(file) in str(told.value)


@pytest.mark.parametrize(
    "step, message",
    [
        (
            MaskStep(where=Where(name="conv"), method=AGP),
            r"\(mask\): no layer with a weight is named 'conv'",
        ),
        (
            MaskStep(method={"by": "blocks"}, where=Where(type="Conv2d")),
            r"\(mask\): a weight of shape .* has no rows of whole",
        ),
        (
            MaskStep(method=AGP, where=Where(type="Linear")),
            r"\(mask\): an earlier step masks 4\.weight",
        ),
        (PenaltyStep(kind=L1(), strength=-1.0), r"\(penalty\): a strength of -1 is below 0"),
        (MaskStep(method=AGP, when=When(begin=9)), r"\(mask\): it would begin at epoch 9"),
        (
            PenaltyStep(kind=GroupLasso(over="blocks", size=5), strength=1.0),
            r"\(penalty\): the 3 inputs of a weight are no whole number of blocks of 5",
        ),
    ],
)
def test_a_step_that_does_not_fit_is_named_before_anything_is_learnt(
    step: MaskStep | PenaltyStep, message: str
) -> None:
    fits = MaskStep(method={"by": "level", "share": 0.5}, where=Where(type="Linear"))
    with pytest.raises(ValueError, match=f"step 2 of the recipe {message}"):
        Recipe((fits, step)).accompany(plain_network(), SHAPE, short_plan(2, 8))


def test_a_recipe_whose_file_is_gone_is_the_one_that_was_kept(tmp_path: Path) -> None:
    recipe = Recipe((MaskStep(method=AGP),))
    (tmp_path / RECIPE).write_bytes(msgspec.json.encode(recipe))
    assert read_recipe(tmp_path / "gone.yaml", tmp_path) == recipe
    with pytest.raises(FileNotFoundError, match=r"gone\.yaml"):
        read_recipe(tmp_path / "gone.yaml", tmp_path / "elsewhere")


def test_the_best_state_is_one_behind_the_last_change() -> None:
    step = MaskStep(where=Where(type="Linear"), method=AGP, when=When(begin=1, end=3))
    learner = taught(Recipe((step,)), per_epoch=2, steps=12)
    assert [learner.settled(done) for done in (2, 4, 5, 12)] == [False, False, True, True]
