"""Chains of Mayo's overriders: their order, what they stand over, when they choose."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from compression.masks import MeanStd, Surgery, Threshold
from compression.overriders import Fixed, Float
from compression.readers import read_as
from compression.schedule import When
from compression.steps import OverrideStep
from proxyless_nas.subject import open_subject
from tests.compression.readers.mayo.tiny import CONV, Run, only_note, over, read, recipe_of
from tests.compression.readers.running import PER_EPOCH
from tests.training.learning import USUAL, short_plan
from training.learner import Learner, Manner
from training.losses import LabelLoss
from training.optimizer import sgd
from training.workers import Alone

GRID = "grid: {type: mayo.override.FixedPointQuantizer, width: 3, point: 0, _priority: 50}"
EIGHTHS = "FixedPointQuantizer, width: 8, point: 2"


def pruned(priority: int) -> str:
    """A pruner of this priority, and a coarse grid of priority 50."""
    return (
        "model.layers.conv0.overrider.weights:\n"
        f"  prune: {{type: mayo.override.MeanStdPruner, alpha: 0, _priority: {priority}}}\n"
        f"  {GRID}\n"
    )


def on_grid(x: Tensor) -> Tensor:
    return (x * 8).round().clamp(-4, 3) / 8


def kept(x: Tensor) -> Tensor:
    return x.abs() > x.abs().mean()


def test_the_highest_priority_comes_first(tmp_path: Path) -> None:
    runs = {priority: Run(recipe_of(tmp_path, pruned(priority))) for priority in (100, 10)}
    seen, last = runs[100].dense[PER_EPOCH], runs[100].last
    assert torch.equal(runs[100].left, on_grid(last * kept(seen)))
    seen, last = runs[10].dense[PER_EPOCH], runs[10].last
    assert torch.equal(runs[10].left, on_grid(last) * kept(on_grid(seen)))
    assert not torch.equal(kept(seen), kept(on_grid(seen)))
    for priority, first in ((100, MeanStd), (10, Fixed)):
        (step,) = recipe_of(tmp_path, pruned(priority)).steps
        assert isinstance(step, OverrideStep) and isinstance(step.chain[0], first)


def test_without_priorities_the_last_that_is_said_comes_first(tmp_path: Path) -> None:
    text = pruned(50).replace(", _priority: 50", "")
    (step,) = recipe_of(tmp_path, text).steps
    assert isinstance(step, OverrideStep) and isinstance(step.chain[0], Fixed)
    notes = read(tmp_path, text).notes
    assert all("the last one said comes first" in note.words for note in notes)


@pytest.mark.parametrize(
    "key, layer, of, name",
    [
        ("weights", "conv0", "weight", CONV),
        ("biases", "conv0", "bias", CONV),
        ("activation", "conv0", "output", "conv0.activation"),
        ("gradient.weights", "conv0", "weight-gradient", CONV),
        ("gradient.biases", "conv0", "bias-gradient", CONV),
        ("gradient.error", "conv0", "error", "conv0.activation"),
        ("weights", "logits", "weight", "logits"),
        ("activation", "logits", "output", "logits"),
        ("activation", "block", "output", "block"),
        ("weights", "conv2", "weight", "conv2.conv"),
    ],
)
def test_each_tensor_is_found_in_its_layer(
    key: str, layer: str, of: str, name: str, tmp_path: Path
) -> None:
    recipe = recipe_of(tmp_path, over(EIGHTHS, key, layer))
    (step,) = recipe.steps
    assert isinstance(step, OverrideStep) and (step.of, step.where.name) == (of, name)
    Run(recipe)


def test_biases_are_left_on_their_grid(tmp_path: Path) -> None:
    run = Run(recipe_of(tmp_path, over("FixedPointQuantizer, width: 10, point: 0", "biases")),
              tensor="bias")  # fmt: skip
    codes = run.left * 1024
    assert torch.equal(codes, codes.round()) and bool(codes.any())


def test_what_flows_out_of_a_layer_is_rounded_behind_its_activation(tmp_path: Path) -> None:
    run = Run(recipe_of(tmp_path, over("FixedPointQuantizer, width: 4, point: 1", "activation")))
    layer = run.learner.plain().eval().get_submodule("conv0")
    codes = layer(torch.randn(4, 3, 16, 16)) * 8
    assert torch.equal(codes, codes.round()) and codes.min() == 0 and codes.max() <= 7


@pytest.mark.parametrize(
    "key, layer",
    [
        ("weights", "deep"),
        ("gradient.weights", "deep"),
        ("depthwise_weights", "point"),
        ("weights", "none_skip"),
    ],
)
def test_what_a_layer_does_not_hold_is_left_out_as_there(
    key: str, layer: str, tmp_path: Path
) -> None:
    text = over(EIGHTHS, key, layer).replace("model.layers", "model.layers.block.layers")
    note = only_note(tmp_path, text)
    assert note.verdict == "translated" and "does nothing, as there" in note.words
    assert read(tmp_path, text).recipe is None


def test_a_depthwise_layer_and_one_behind_a_norm_have_their_own_words(tmp_path: Path) -> None:
    text = over(EIGHTHS, "depthwise_weights", "deep")
    inside = text.replace("model.layers", "model.layers.block.layers")
    (step,) = recipe_of(tmp_path, inside).steps
    assert isinstance(step, OverrideStep) and step.where.name == "block.deep"
    biased = only_note(tmp_path, over(EIGHTHS, "biases", "conv1"))
    assert biased.words == "conv1: biases: no such tensor: it does nothing, as there"


def test_a_layer_that_leads_nowhere_is_passed_over(tmp_path: Path) -> None:
    text = over(EIGHTHS, "weights", "conv_skip").replace("layers:", "layers.block.layers:", 1)
    note = only_note(tmp_path, text)
    assert note.what == "block.conv_skip" and "leads nowhere" in note.words
    assert note.place.line == 2


def test_chains_that_are_the_same_are_one_step_and_one_note(tmp_path: Path) -> None:
    text = "_all: &all\n  weights:\n    a: {type: mayo.override.MeanStdPruner, alpha: 0}\n" + (
        "model.layers:\n  conv0: {overrider: *all}\n  logits: {overrider: $(_all)}\n"
        "  conv1: {overrider: {weights: {a: {type: mayo.override.MeanStdPruner, alpha: 1}}}}\n"
    )
    found = read(tmp_path, text)
    assert [(note.place.line, note.words.partition(": ")[0]) for note in found.notes] == [
        (3, "conv0, logits"), (7, "conv1"),
    ]  # fmt: skip
    assert found.recipe is not None
    names = [step.where.name for step in found.recipe.steps if isinstance(step, OverrideStep)]
    assert names == [(CONV, "logits"), "conv1.conv"]


def test_what_is_not_updated_chooses_once(tmp_path: Path) -> None:
    text = over("MeanStdPruner, alpha: 0.0, should_update: false")
    (step,) = recipe_of(tmp_path, text).steps
    assert step.when == When(times=(0,))
    assert only_note(tmp_path, text).verdict == "differs"
    run = Run(recipe_of(tmp_path, text))
    assert torch.equal(run.left != 0, kept(run.dense[0]))
    assert not torch.equal(kept(run.dense[0]), kept(run.dense[PER_EPOCH]))
    mixed = over(
        "MeanStdPruner, should_update: false, _priority: 2",
        more=", b: {type: mayo.override.DGQuantizer, width: 4, overflow_rate: 0, _priority: 1}",
    )
    assert "with others of its chain" in read(tmp_path, mixed).notes[0].words
    assert recipe_of(tmp_path, mixed).steps[0].when == When()


def test_what_is_switched_off_is_left_out(tmp_path: Path) -> None:
    text = over("MeanStdPruner, enable: false", more=f", b: {{type: mayo.override.{EIGHTHS}}}")
    (step,) = recipe_of(tmp_path, text).steps
    assert isinstance(step, OverrideStep) and step.chain == (Fixed(width=8, point=2),)


@pytest.mark.parametrize("key", ["bias", "exponent_bias"])
def test_a_bias_is_the_bias_of_exponents_by_both_names(key: str, tmp_path: Path) -> None:
    for name, own in (("FloatingPointQuantizer", "exponent_bias"), ("ShiftQuantizer", "bias")):
        mantissa = ", mantissa_width: 2" if name.startswith("Float") else ""
        text = over(f"{name}, width: 5{mantissa}, {key}: 6")
        (step,) = recipe_of(tmp_path, text).steps
        assert isinstance(step, OverrideStep) and step.chain[0].bias == 6  # type: ignore[union-attr]
        alias = f"`{key}` is read as `{own}`" in only_note(tmp_path, text).words
        assert alias == (key != own)


def test_a_bias_that_is_updated_is_chosen_by_the_overflow(tmp_path: Path) -> None:
    args = "FloatingPointQuantizer, width: 5, mantissa_width: 2, exponent_bias: 4"
    (step,) = recipe_of(tmp_path, over(f"{args}, overflow_rate: 0.1")).steps
    assert isinstance(step, OverrideStep)
    assert step.chain == (Float(width=5, mantissa=2, overflow=0.1),)
    frozen = over(f"{args}, overflow_rate: 0.1, should_update: false")
    (step,) = recipe_of(tmp_path, frozen).steps
    assert isinstance(step, OverrideStep)
    assert step.chain == (Float(width=5, mantissa=2, bias=4),)


def test_two_that_are_the_same_kind_here_cannot_both_be(tmp_path: Path) -> None:
    text = over(
        "FixedPointQuantizer, width: 8, point: 1, _priority: 9",
        more=", b: {type: mayo.override.DGQuantizer, width: 4, overflow_rate: 0, _priority: 1}",
    )
    found = read(tmp_path, text)
    assert {note.what: note.verdict for note in found.notes} == {
        "one (FixedPointQuantizer)": "translated", "b (DGQuantizer)": "cannot be",
    }  # fmt: skip


def test_earlier_versions_wrote_a_row_in_its_order(tmp_path: Path) -> None:
    text = (
        "_grid: &grid {type: mayo.override.FixedPointQuantizer, width: 3, point: 0}\n"
        "model.layers.conv0:\n"
        "  weights_overrider:\n"
        "    - {type: mayo.override.DNSPruner, alpha: 0}\n"
        "    - *grid\n"
        "  biases_overrider: {type: mayo.override.ThresholdPruner, threshold: 0.1}\n"
    )
    found = read(tmp_path, text)
    assert found.recipe is not None
    chains = [step.chain for step in found.recipe.steps if isinstance(step, OverrideStep)]
    assert chains == [(Surgery(alpha=0), Fixed(width=3, point=0)), (Threshold(value=0.1),)]
    assert [(note.place.line, note.what.partition(" (")[0]) for note in found.notes] == [
        (1, "weights_overrider 2"), (4, "weights_overrider 1"), (6, "biases_overrider 1"),
    ]  # fmt: skip


def test_lenet_is_pruned_and_then_rounded(tmp_path: Path) -> None:
    """Two epochs of two steps on noise; every weight is on its grid, most are zero."""
    roles = "_overrider:\n  weights: {}\n  conv: {weights: $(_overrider.weights)}\n"
    layers = "".join(
        f"  {name}: {{overrider: $(_overrider.conv)}}\n"
        for name in ("conv0", "conv1", "fc1", "logits")
    )
    texts = {
        "roles.yaml": roles,
        "lenet5.yaml": f"_import: roles.yaml\nmodel.layers:\n{layers}",
        "fixed.yaml": f"_overrider.weights:\n  {GRID}\n",
        "dns.yaml": "_overrider.weights:\n  prune: {type: mayo.override."
        "DynamicNetworkSurgeryPruner, alpha: 1, _priority: 100}\n",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    subject = open_subject("models/lenet5.yaml")
    files = [str(tmp_path / name) for name in ("lenet5.yaml", "fixed.yaml", "dns.yaml")]
    recipe = read_as(files, subject).recipe
    assert recipe is not None
    net = subject.build(seed=0).train()
    learner = Learner(
        net, sgd(net, 0.05, 0.9, 1e-4), Manner(loss=LabelLoss(), **USUAL), Alone(),
        recipe.accompany(net, subject.input, short_plan(2, 4)),
    )  # fmt: skip
    for step in range(4):
        torch.manual_seed(step)
        learner.step(step, [(torch.randn(8, 1, 28, 28), torch.randint(10, (8,)))])
    left = {name: tensor for name, tensor in learner.plain().named_parameters() if tensor.ndim > 1}
    assert len(left) == 4
    for tensor in left.values():
        codes = tensor * 8
        assert torch.equal(codes, codes.round()) and codes.min() >= -4 and codes.max() <= 3
        assert 0 < tensor.count_nonzero() < 0.4 * tensor.numel()
