"""Overriders of Mayo's that are steps of their own: low ranks, channels that leave, kernels."""

from math import ceil
from pathlib import Path

import pytest
import torch
from torch import nn

from compression.low_rank import Share
from compression.schedule import When
from compression.steps import (
    ChannelsStep,
    LowRankStep,
    OverrideStep,
    PenaltyStep,
    StructuresStep,
)
from tests.compression.readers.mayo.tiny import CONV, Run, only_note, over, read, recipe_of
from tests.compression.readers.running import PER_EPOCH


def test_a_low_rank_comes_first_and_its_layer_takes_nothing_else(tmp_path: Path) -> None:
    text = (
        "model.layers.block.layers.point.overrider.weights:\n"
        "  rank: {type: mayo.override.LowRankApproximation, ranks: 6}\n"
        "  grid: {type: mayo.override.FixedPointQuantizer, width: 4, point: 1}\n"
    ) + "model.layers.conv0.overrider.weights.a: {type: mayo.override.MeanStdPruner}\n"
    found = read(tmp_path, text)
    assert [note.verdict for note in found.notes] == ["differs", "cannot be", "translated"]
    assert "2 of 8 singular values stay" in found.notes[0].words
    assert found.recipe is not None
    low_rank, chain = found.recipe.steps
    assert isinstance(low_rank, LowRankStep) and low_rank.rank == Share(share=0.25)
    assert isinstance(chain, OverrideStep) and chain.where.name == CONV
    parts = Run(found.recipe).learner.plain().get_submodule("block.point.conv")
    assert [tuple(one.weight.shape[:2]) for one in parts.children()] == [(2, 8), (8, 2)]  # type: ignore[union-attr]


SLIM = "NetworkSlimmer, density: 0.6, weight: 0.02, global_threshold: false"


def test_a_slimmer_presses_scales_and_lets_the_smallest_leave(tmp_path: Path) -> None:
    text = over(SLIM, "activation", "conv1")
    note = only_note(tmp_path, text)
    assert note.verdict == "differs" and "penalty l1 of 0.02" in note.words
    recipe = recipe_of(tmp_path, text)
    penalty, channels = recipe.steps
    assert isinstance(penalty, PenaltyStep) and isinstance(channels, ChannelsStep)
    assert penalty.where.name == ("conv1.norm",) and penalty.strength == 0.02
    run = Run(recipe, layer="conv1.norm")
    sizes, left = run.dense[PER_EPOCH].abs(), run.learner.plain()
    kept = sizes.argsort(descending=True)[: ceil(0.6 * 8)].sort().values
    assert left.get_submodule("conv1.conv").get_parameter("weight").shape[0] == 5
    torch.testing.assert_close(
        left.get_submodule("conv1.norm").get_parameter("weight").detach(), run.last[kept]
    )
    assert isinstance(left.get_submodule("conv2.conv"), nn.Conv2d)


def test_where_numbers_are_overridden_a_slimmer_only_presses(tmp_path: Path) -> None:
    more = over("FixedPointQuantizer, width: 4, point: 0")
    found = read(tmp_path, over(SLIM, "activation", "conv1"), more)
    assert found.recipe is not None
    assert [type(step) for step in found.recipe.steps] == [OverrideStep, PenaltyStep]
    (slimmer,) = (note for note in found.notes if "NetworkSlimmer" in note.what)
    assert slimmer.verdict == "differs" and "a training of their own" in slimmer.words
    alone = recipe_of(tmp_path, over("NetworkSlimmer, density: 1.0", "activation", "conv1"))
    assert [type(step) for step in alone.steps] == [PenaltyStep]


def test_a_slimmer_without_a_scale_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"0\.yaml:2: conv2 has no batch norm that learns a scale"):
        read(tmp_path, over(SLIM, "activation", "conv2"))


def test_a_filter_pruner_comes_first_in_its_chain(tmp_path: Path) -> None:
    text = over(
        "FilterPruner, density: 0.3, _priority: 1",
        more=", two: {type: mayo.override.FixedPointQuantizer, width: 5, point: 0, _priority: 9}",
    )
    recipe = recipe_of(tmp_path, text)
    assert [type(step) for step in recipe.steps] == [StructuresStep, OverrideStep]
    notes = {note.what: note for note in read(tmp_path, text).notes}
    assert "it comes first in its chain" in notes["one (FilterPruner)"].words
    run = Run(recipe)
    codes = run.left * 32
    assert torch.equal(codes, codes.round()) and codes.min() >= -16 and codes.max() <= 15
    assert int((run.left.abs().sum(dim=(2, 3)) == 0).sum()) >= int(0.3 * 24)


def test_what_is_not_updated_chooses_kernels_once_and_lets_all_channels_stay(
    tmp_path: Path,
) -> None:
    text = over("FilterPruner, density: 0.3, should_update: false")
    assert recipe_of(tmp_path, text).steps[0].when == When(times=(0,))
    assert "chosen once" in only_note(tmp_path, text).words
    pressed = over(f"{SLIM}, should_update: false", "activation", "conv1")
    assert [type(step) for step in recipe_of(tmp_path, pressed).steps] == [PenaltyStep]
