"""Every regularizer of Distiller's runs on ResNet-20: what it adds, what its threshold masks."""

import pytest
import torch
from torch import Tensor, nn

from compression.masks import masks_of
from compression.penalties import L1, GroupLasso, GroupVariance
from compression.readers.distiller.regularizers import REGULARIZERS
from compression.steps import PenaltyStep
from tests.compression.readers.running import (
    CONV,
    LAYER,
    images,
    learner_of,
    network_of,
    read,
    recipe_of,
    run,
    schedule,
    weight_of,
)

CASES = {
    "L1Regularizer": f"reg_regims: {{{CONV}: 0.002}}",
    "GroupLassoRegularizer": f"reg_regims: {{{CONV}: [0.002, Channels]}}",
    "GroupVarianceRegularizer": f"reg_regims: {{{CONV}: [0.002, Channels]}}",
}
VALUES = {
    "L1Regularizer": L1(),
    "GroupLassoRegularizer": GroupLasso(over="channels"),
    "GroupVarianceRegularizer": GroupVariance(),
}


def test_every_regularizer_has_a_case() -> None:
    assert CASES.keys() == REGULARIZERS.keys() == VALUES.keys()


@pytest.mark.parametrize("name", CASES)
def test_a_regularizer_is_added_to_the_loss(name: str) -> None:
    text = schedule("regularizers", f"{name}, {CASES[name]}")
    network = network_of()
    learner = learner_of(recipe_of(text), 2, network)
    assert learner.companion is not None
    learner.companion.before(0)
    x, y = images(0)
    logits = network(x)

    def judge(one: Tensor) -> Tensor:
        return nn.functional.cross_entropy(one, y)

    penalty = learner.companion.penalty(x, logits, judge)
    assert penalty is not None
    torch.testing.assert_close(penalty, 0.002 * VALUES[name].value(weight_of(network, LAYER)))
    found = run(text)
    assert not torch.equal(found.after[-1], found.first) and bool((found.left() != 0).all())


def test_what_lies_between_its_epochs_is_not_pressed() -> None:
    text = schedule(
        "regularizers", f"L1Regularizer, {CASES['L1Regularizer']}", times="epochs: [0, 2]"
    )
    network = network_of()
    learner = learner_of(recipe_of(text), 4, network)
    assert learner.companion is not None
    told: list[bool] = []
    for step in range(8):
        learner.companion.before(step)
        penalty = learner.companion.penalty(*images(0), lambda logits: logits.sum())
        told.append(penalty is not None and float(penalty.detach()) > 0)
    assert told == [True, True, False, False, True, True, False, False]


@pytest.mark.parametrize(
    "group, over",
    [("2D", "kernels"), ("3D", "filters"), ("Channels", "channels"), ("4D", "layer")],
)
def test_groups_are_structures(group: str, over: str) -> None:
    text = schedule(
        "regularizers", f"GroupLassoRegularizer, reg_regims: {{{CONV}: [0.1, {group}]}}"
    )
    (step,) = recipe_of(text).steps
    assert isinstance(step, PenaltyStep) and step.kind == GroupLasso(over=over)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("name", ["L1Regularizer", "GroupLassoRegularizer"])
def test_a_threshold_masks_in_every_step_and_stays_where_it_is_told_to(
    name: str, keep: bool
) -> None:
    regime = "0.05" if name == "L1Regularizer" else "[0.095, 3D]"
    args = f"{name}, threshold_criteria: Mean_Abs, reg_regims: {{{CONV}: {regime}}}"
    text = schedule("regularizers", args, f"keep_mask: {'true' if keep else 'false'}")
    found = run(text, epochs=3)
    before = [found.first, *found.after]
    for step in range(4):
        zero = found.after[step] == 0
        assert zero.any()
        if step == 0:
            size = before[0].abs()
            if name != "L1Regularizer":
                size = size.mean(dim=(1, 2, 3), keepdim=True).expand_as(size)
            assert torch.equal(zero, size <= float(regime.strip("[]").split(",")[0]))
    network = found.learner.network
    owner = "elements" if name == "L1Regularizer" else "structures"
    (mask,) = masks_of(network, owner).values()
    assert bool(mask.kept.all()) != keep
    if keep:
        assert bool((found.left() == 0).any())


def test_two_sums_of_groups_are_two_penalties() -> None:
    args = "GroupLassoRegularizer, reg_regims: {fc.weight: [0.1, Rows+Cols]}"
    steps = recipe_of(schedule("regularizers", args)).steps
    kinds = [step.kind for step in steps if isinstance(step, PenaltyStep)]
    assert kinds == [GroupLasso(over="filters"), GroupLasso(over="channels")]
    with pytest.raises(ValueError, match=r"schedule\.yaml:3: .*there is none for Rows\+Cols"):
        read(schedule("regularizers", f"{args}, threshold_criteria: Max"))


def test_what_has_no_loss_there_cannot_be_here() -> None:
    (first, _) = read(schedule("regularizers", "DropFilterRegularizer")).notes
    assert first.verdict == "cannot be" and str(first).startswith("schedule.yaml:3: one (DropF")
