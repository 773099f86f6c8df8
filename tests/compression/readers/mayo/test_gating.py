"""Mayo's gated convolutions: what is left chooses so many channels of each image."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from compression.gates.place import gates_of
from compression.steps import (
    GateStep,
    LowRankStep,
    OverrideStep,
    PenaltyStep,
    StructuresStep,
)
from tests.compression.readers.mayo.tiny import (
    EPOCHS,
    Run,
    only_note,
    over,
    read,
    recipe_of,
    subject,
)
from tests.compression.readers.running import PER_EPOCH, images, learner_of

GATES = "model.layers.{layer}.gate_params:\n  policy: parametric\n  density: 0.5\n"


def test_gates_are_a_step_and_what_is_left_has_them(tmp_path: Path) -> None:
    text = GATES.format(layer="conv1") + "  pool: max\n  regularizer: l1\n  factor: 0.001\n"
    recipe = recipe_of(tmp_path, text, GATES.format(layer="conv2"))
    first, second = recipe.steps
    assert isinstance(first, GateStep) and isinstance(second, GateStep)
    assert (first.where.name, first.pool, first.factor) == ("conv1.conv", "max", 0.001)
    assert (second.where.name, second.density, second.bias) == ("conv2.conv", 0.5, "one")
    learner = learner_of(recipe, EPOCHS, subject().build(seed=0).train())
    for step in range(EPOCHS * PER_EPOCH):
        learner.step(step, [images(step)])
    left = learner.plain().eval()
    layers = gates_of(left)
    assert list(layers) == ["conv1.conv", "conv2.conv"]
    seen: list[int] = []
    for layer in layers.values():
        layer.register_forward_hook(lambda _, __, y: seen.append(int((y != 0).any((2, 3)).sum())))
    x, _ = images(0)
    left(x)
    assert all(0 < count <= 4 * len(x) for count in seen) and len(seen) == 2


@pytest.mark.parametrize(
    ("more", "verdict", "words"),
    [
        ("  enable: false\n", "translated", "not enabled"),
        ("  policy: naive\n", "cannot be", "only `parametric`"),
        ("  granularity: vector\n", "cannot be", "no places of a map"),
        ("  threshold: global\n", "differs", "a threshold that is averaged"),
        ("  regularizer: moe\n", "differs", "there is one on the sum"),
        ("  trainable: false\n", "differs", "the saliencies learn"),
    ],
)
def test_each_key_is_told(tmp_path: Path, more: str, verdict: str, words: str) -> None:
    text = f"model.layers.conv1.gate_params:\n  density: 0.5\n{more}"
    note = only_note(tmp_path, text)
    assert note.verdict == verdict and words in note.words and note.place.line == 1


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (GATES.format(layer="conv0"), r"0\.yaml:1: conv0 has no batch norm"),
        (GATES.format(layer="logits"), r":1: logits is no convolution"),
        (GATES.format(layer="conv9"), r":1: tiny has no layer conv9"),
        ("model.layers.conv1.gate_params:\n  densty: 0.5\n", r":2: .*takes no densty.*density"),
        ("model.layers.conv1.gate_params:\n  density: 2\n", r"up to 1, not 2"),
        ("model.layers.conv1.gate_params: 0.5\nmodel.name: x\n", r":1: .*a map of what the gates"),
    ],
)
def test_mistakes(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        read(tmp_path, text)


FIXED = "FixedPointQuantizer, width: 5, point: 0"
GATED = GATES.format(layer="conv1")
PLACES = [("conv0", "conv0.conv"), ("conv1", "conv1.conv.conv"), ("conv2", "conv2.conv")]


def on_grid(weight: Tensor) -> bool:
    codes = weight * 32
    return torch.equal(codes, codes.round())


def left_with_gates(run: Run) -> Tensor:
    """The weight in what is left, whose gated layer is still one."""
    assert list(gates_of(run.learner.plain())) == ["conv1.conv"]
    return run.left


@pytest.mark.parametrize("layer, name", PLACES)
def test_weights_are_overridden_behind_gates_of_their_layer_and_of_others(
    layer: str, name: str, tmp_path: Path
) -> None:
    for texts in ((GATED, over(FIXED, layer=layer)), (over(FIXED, layer=layer), GATED)):
        recipe = recipe_of(tmp_path, *texts)
        gates, override = recipe.steps
        assert isinstance(gates, GateStep) and isinstance(override, OverrideStep)
        assert override.where.name == name
        run = Run(recipe, layer=name)
        assert on_grid(left_with_gates(run)) and not on_grid(run.last)
        others = {other for _, other in PLACES} - {name}
        left = run.learner.plain()
        assert not any(on_grid(left.get_submodule(one).get_parameter("weight")) for one in others)


def test_one_override_stands_over_gated_layers_and_others(tmp_path: Path) -> None:
    recipe = recipe_of(tmp_path, *(over(FIXED, layer=layer) for layer, _ in PLACES), GATED)
    _, override = recipe.steps
    assert isinstance(override, OverrideStep)
    assert override.where.name == tuple(name for _, name in PLACES)
    left = Run(recipe).learner.plain()
    assert all(on_grid(left.get_submodule(one).get_parameter("weight")) for _, one in PLACES)


@pytest.mark.parametrize("layer, name", PLACES)
def test_kernels_go_behind_gates(layer: str, name: str, tmp_path: Path) -> None:
    recipe = recipe_of(tmp_path, over("FilterPruner, density: 0.5", layer=layer), GATED)
    assert [type(step) for step in recipe.steps] == [GateStep, StructuresStep]
    kernels = left_with_gates(Run(recipe, layer=name)).abs().sum(dim=(2, 3))
    assert int((kernels == 0).sum()) == kernels.numel() // 2


@pytest.mark.parametrize("layer, name", PLACES)
def test_slopes_are_overridden_behind_gates(layer: str, name: str, tmp_path: Path) -> None:
    text = over("FixedPointQuantizer, width: 2, point: -30", "gradient.weights", layer)
    run = Run(recipe_of(tmp_path, text, GATED), layer=name)
    weight = run.learner.network.get_submodule(name).get_parameter("weight")
    assert weight.grad is not None
    codes = weight.grad * 2.0**32
    assert set(codes.unique().tolist()) <= {-2.0, -1.0, 0.0, 1.0}
    left_with_gates(run)


@pytest.mark.parametrize("key", ["activation", "gradient.error"])
@pytest.mark.parametrize("layer", ["conv0", "conv1", "block"])
def test_flows_cannot_be_overridden_beside_gates(key: str, layer: str, tmp_path: Path) -> None:
    texts = (GATED, over(FIXED, key, layer))
    with pytest.raises(
        ValueError,
        match=rf"^{tmp_path}/1\.yaml:2: one \(FixedPointQuantizer\): {key} of {layer} cannot be "
        rf"overridden beside the gates of conv1 \({tmp_path}/0\.yaml:1\): leave one of the two "
        "out, by `enable: false`",
    ):
        read(tmp_path, *texts)
    without = recipe_of(tmp_path, GATED + "  enable: false\n", texts[1])
    assert [type(step) for step in without.steps] == [OverrideStep]
    left_out = recipe_of(tmp_path, GATED, over(f"{FIXED}, enable: false", key, layer))
    assert [type(step) for step in left_out.steps] == [GateStep]


SLIM = "NetworkSlimmer, density: 0.6"


def test_beside_gates_a_slimmer_only_presses(tmp_path: Path) -> None:
    texts = (GATES.format(layer="conv2"), over(SLIM, "activation", "conv1"))
    recipe = recipe_of(tmp_path, *texts)
    assert [type(step) for step in recipe.steps] == [GateStep, PenaltyStep]
    run = Run(recipe, layer="conv1.norm")
    assert len(run.left) == 8 and list(gates_of(run.learner.plain())) == ["conv2.conv"]
    assert "a training of their own" in read(tmp_path, *texts).notes[-1].words


def test_gates_leave_a_slimmer_no_scales(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"1\.yaml:2: .*conv1 has no scales beside the gates of .*"
                       r"0\.yaml:1.*`enable: false`"):  # fmt: skip
        read(tmp_path, GATED, over(SLIM, "activation", "conv1"))


def test_a_low_rank_comes_ahead_of_gates_and_its_layer_has_none(tmp_path: Path) -> None:
    kind = "LowRankApproximation, ranks: {}"
    recipe = recipe_of(tmp_path, GATED, over(kind.format(6), layer="block.point"))
    assert [type(step) for step in recipe.steps] == [LowRankStep, GateStep]
    left = Run(recipe).learner.plain()
    assert list(gates_of(left)) == ["conv1.conv"]
    assert isinstance(left.get_submodule("block.point.conv"), nn.Sequential)
    same = read(tmp_path, GATED, over(kind.format(6), layer="conv1"))
    assert same.recipe is not None
    assert [type(step) for step in same.recipe.steps] == [LowRankStep]
    assert same.notes[0].verdict == "cannot be" and "narrower ones" in same.notes[0].words
    refused = recipe_of(tmp_path, GATED, over(kind.format(99), layer="conv1"))
    assert [type(step) for step in refused.steps] == [GateStep]
