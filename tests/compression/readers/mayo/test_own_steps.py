"""Overriders of Mayo's that are steps of their own: low ranks, channels that leave, kernels."""

from functools import cache
from math import ceil
from pathlib import Path

import pytest
import torch
from torch import nn

from compression.low_rank import Share
from compression.readers import mayo
from compression.readers.reading import Reading
from compression.schedule import When
from compression.steps import (
    ChannelsStep,
    LowRankStep,
    OverrideStep,
    PenaltyStep,
    StructuresStep,
)
from proxyless_nas.described.network import describe
from proxyless_nas.language.config import Config
from proxyless_nas.subject import Subject
from tests.compression.readers.mayo.tiny import (
    CONV,
    EPOCHS,
    NETWORK,
    Run,
    only_note,
    over,
    read,
    recipe_of,
)
from tests.compression.readers.running import PER_EPOCH, images, learner_of


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


@cache
def two_scaled() -> Subject:
    """The small network with scales in its third layer too, which is narrower and not summed."""
    scaled = "num_outputs: 4, normalizer_fn: batch_norm, normalizer_params: {scale: true}}"
    text = NETWORK.replace("num_outputs: 8, normalizer_fn: batch_norm}", scaled)
    text = text.replace("skip: none", "skip: conv")
    found = describe(Config().with_text(text, "two.yaml"))
    return Subject("two.yaml", found.input, found.classes, None, None, found)


def slimmed(folder: Path, more: str, first: float = 0.5, second: float = 0.5) -> Reading:
    """What two slimmers become, of the second and the third layer."""
    text = ""
    for layer, density in (("conv1", first), ("conv2", second)):
        slim = f"{{type: mayo.override.NetworkSlimmer, density: {density}{more}}}"
        text += f"model.layers.{layer}.overrider.activation.slim: {slim}\n"
    (folder / "two.yaml").write_text(text)
    return mayo.read([str(folder / "two.yaml")], two_scaled(), 0)


def test_of_all_slimmed_layers_together_the_smallest_scales_leave(tmp_path: Path) -> None:
    """Six of twelve stay, as Mayo's one threshold for all layers has it: not half of each."""
    found = slimmed(tmp_path, "")
    assert found.recipe is not None
    step = found.recipe.steps[-1]
    assert isinstance(step, ChannelsStep) and (step.density, step.rank) == (0.5, "lowest-first")
    assert not any("of each layer" in note.words for note in found.notes)
    network = two_scaled().build(seed=0).train()
    with torch.no_grad():
        network.get_submodule("conv1.norm").get_parameter("weight").copy_(torch.arange(1, 9) / 2)
        network.get_submodule("conv2.norm").get_parameter("weight").copy_(
            torch.tensor([0.25, 0.75, 1.25, 9])
        )
    learner = learner_of(found.recipe, EPOCHS, network, lr=1e-6)
    for number in range(EPOCHS * PER_EPOCH):
        learner.step(number, [images(number)])
    left = learner.plain()
    for layer, expected in (("conv1", [2.0, 2.5, 3.0, 3.5, 4.0]), ("conv2", [9.0])):
        scales = left.get_submodule(f"{layer}.norm").get_parameter("weight").detach()
        torch.testing.assert_close(scales, torch.tensor(expected), atol=1e-3, rtol=0)


@pytest.mark.parametrize("more, second", [(", global_threshold: false", 0.5), ("", 0.75)])
def test_where_there_is_no_one_threshold_the_share_of_each_layer_stays(
    more: str, second: float, tmp_path: Path
) -> None:
    found = slimmed(tmp_path, more, second=second)
    assert found.recipe is not None
    step = found.recipe.steps[-1]
    assert isinstance(step, ChannelsStep) and step.density is None
    assert step.keep == {"conv1.conv": 4, "conv2.conv": int(4 * second)}
    apart = ["of each layer stays, there of all" in note.words for note in found.notes]
    assert apart == [not more, not more]


def test_where_less_than_a_channel_of_each_would_stay_each_keeps_one(tmp_path: Path) -> None:
    found = slimmed(tmp_path, "", 0.05, 0.05)
    assert found.recipe is not None
    step = found.recipe.steps[-1]
    assert isinstance(step, ChannelsStep) and step.keep == {"conv1.conv": 1, "conv2.conv": 1}


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
