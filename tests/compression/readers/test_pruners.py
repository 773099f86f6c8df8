"""Every pruner of Distiller's runs on ResNet-20, and masks what its rule says."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from compression.masks import Surgery
from compression.readers.distiller.pruners import PRUNERS
from compression.steps import MaskStep
from proxyless_nas import macs_of
from tests.compression.readers.running import (
    CONV,
    LAYER,
    SHAPE,
    TIMES,
    Run,
    lowest,
    network_of,
    recipe_of,
    run,
    schedule,
    weight_of,
)

HALF = f"group_type: Filters, desired_sparsity: 0.5, weights: [{CONV}]"
GROWS = f"group_type: Filters, initial_sparsity: 0.1, final_sparsity: 0.5, weights: [{CONV}]"
Check = Callable[[Run], None]


def zeros(weight: Tensor) -> Tensor:
    return weight == 0


def by_threshold(*thresholds: float) -> Check:
    """Behind the first step of each epoch, those up to the threshold, as they were, are zero."""

    def check(found: Run) -> None:
        before = [found.first, found.after[1]]
        for epoch, threshold in enumerate(thresholds):
            expected = before[epoch].abs() <= threshold
            assert torch.equal(zeros(found.after[2 * epoch]), expected) and expected.any()

    return check


def by_count(*counts: int) -> Check:
    def check(found: Run) -> None:
        assert [int(zeros(found.after[step]).sum()) for step in (0, 2)] == list(counts)

    return check


def by_filters(*counts: int) -> Check:
    """So many filters are zero in each epoch."""

    def check(found: Run) -> None:
        assert [len(found.gone(step)) for step in (0, 2)] == list(counts)
        assert len(torch.nonzero(~found.left().flatten(1).any(1))) == counts[-1]

    return check


def by_norm(p: int, *counts: int) -> Check:
    """Those of the least norm."""

    def check(found: Run) -> None:
        by_filters(*counts)(found)
        assert found.gone(0) == lowest(found.first.flatten(1).norm(p=p, dim=1), counts[0])

    return check


def by_chance(least: int, most: int) -> Check:
    def check(found: Run) -> None:
        assert all(least <= len(found.gone(step)) <= most for step in (0, 2))
        assert found.gone(0) != found.gone(2)

    return check


def of_surgery(found: Run) -> None:
    size = found.first.abs()
    threshold = size.mean() + 0.05 * size.std()
    assert torch.equal(zeros(found.after[0]), size <= 0.9 * threshold)
    assert zeros(found.left()).any()


def of_sensitivity(found: Run) -> None:
    by_threshold(*[0.5 * float(found.first.std())] * 2)(found)


CASES: dict[str, tuple[str, Check]] = {
    "MagnitudeParameterPruner": (
        f"thresholds: {{'*': 0.0, {CONV}: 0.05}}", by_threshold(0.05, 0.05)
    ),
    "SensitivityPruner": (f"sensitivities: {{{CONV}: 0.5}}", of_sensitivity),
    "SparsityLevelParameterPruner": (f"levels: {{{CONV}: 0.3}}", by_count(691, 691)),
    "AutomatedGradualPruner": (
        f"initial_sparsity: 0.1, final_sparsity: 0.5, weights: [{CONV}]", by_count(230, 1152)
    ),
    "BaiduRNNPruner": (  # theta = 2 q / (2 + 3), and then 2 theta + 2 theta
        f"q: 0.1, ramp_epoch_offset: 1, ramp_slope_mult: 2, weights: [{CONV}]",
        by_threshold(0.04, 0.16),
    ),
    "SplicingPruner": (
        f"low_thresh_mult: 0.9, hi_thresh_mult: 1.1, sensitivities: {{{CONV}: 0.05}}", of_surgery
    ),
    "StructureParameterPruner": (
        f"reg_regims: {{{CONV}: [0.095, 3D]}}, threshold_criteria: Mean_Abs",
        lambda found: by_filters(*[int((found.first.abs().flatten(1).mean(1) <= 0.095).sum())] * 2)(
            found
        ),
    ),
    "L1RankedStructureParameterPruner": (HALF, by_norm(1, 8, 8)),
    "L2RankedStructureParameterPruner": (HALF, by_norm(2, 8, 8)),
    "L1RankedStructureParameterPruner_AGP": (GROWS, by_norm(1, 1, 8)),
    "L2RankedStructureParameterPruner_AGP": (GROWS, by_norm(2, 1, 8)),
    "RandomLevelStructureParameterPruner": (
        f"group_type: Filters, sparsity_range: [0.1, 0.6], weights: [{CONV}]",
        lambda found: None if 1 <= len(found.gone(0)) <= 9 else pytest.fail("too few or many"),
    ),
    "ActivationAPoZRankedFilterPruner": (HALF, by_filters(8, 8)),
    "ActivationAPoZRankedFilterPruner_AGP": (GROWS, by_filters(1, 8)),
    "ActivationMeanRankedFilterPruner": (HALF, by_filters(8, 8)),
    "ActivationMeanRankedFilterPruner_AGP": (GROWS, by_filters(1, 8)),
    "GradientRankedFilterPruner": (HALF, by_filters(8, 8)),
    "GradientRankedFilterPruner_AGP": (GROWS, by_filters(1, 8)),
    "RandomRankedFilterPruner": (HALF, by_chance(8, 8)),
    "RandomRankedFilterPruner_AGP": (GROWS, by_filters(1, 8)),
    "BernoulliFilterPruner": (HALF, by_chance(1, 15)),
    "BernoulliFilterPruner_AGP": (GROWS, by_chance(0, 15)),
}  # fmt: skip
ARGS = {
    "SplicingPruner": "mini_batch_pruning_frequency: 1, mask_on_forward_only: true, keep_mask: true"
}
REDRAWN = ("RandomRankedFilterPruner", "BernoulliFilterPruner", "BernoulliFilterPruner_AGP")


def test_every_pruner_has_a_case() -> None:
    assert CASES.keys() == PRUNERS.keys()


@pytest.mark.parametrize("name", CASES)
def test_a_pruner_masks_what_its_rule_says(name: str) -> None:
    args, check = CASES[name]
    given = ARGS.get(name, "")
    if name in REDRAWN:
        given = DOUBLE
    check(run(schedule("pruners", f"{name}, {args}", given)))


DOUBLE = "mask_on_forward_only: true, use_double_copies: true, mask_gradients: true"
DROP = f"mini_batch_pruning_frequency: 1, discard_masks_at_minibatch_end: true, {DOUBLE}"
FOUR = "module.layer2.0.conv2.weight, module.layer2.0.downsample.0.weight"
FOUR += ", module.layer2.1.conv2.weight, module.layer2.2.conv2.weight"
TOGETHER = [f"blocks.{name}.conv" for name in ("3.second", "3.shortcut", "4.second", "5.second")]


def test_dropped_filters_are_there_again_when_it_counts() -> None:
    text = schedule("pruners", f"BernoulliFilterPruner, {HALF}", DROP)
    found = run(text)
    assert all(found.gone(step) for step in range(4))
    kept = (found.after[0] != 0).flatten(1).any(1)
    torch.testing.assert_close(  # scaled as dropout scales
        found.after[0][kept].flatten(1).norm() * float(kept.float().mean()),
        found.first[kept].flatten(1).norm(),
        rtol=0.1, atol=0,
    )  # fmt: skip
    assert bool((found.left() != 0).all())
    network = found.learner.network.eval()
    assert bool((weight_of(network, LAYER) != 0).all())


@pytest.mark.parametrize("over, axis, count", [("Channels", 1, 8), ("Rows", 1, 32)])
def test_channels_and_rows_are_inputs(over: str, axis: int, count: int) -> None:
    weight, layer = (CONV, LAYER) if over == "Channels" else ("fc.weight", "classifier.linear")
    kind = "L1RankedStructureParameterPruner"
    args = f"{kind}, group_type: {over}, desired_sparsity: 0.5, weights: [{weight}]"
    found = run(schedule("pruners", args), layer)
    sizes = found.first.abs().movedim(1, 0).flatten(1).sum(1)
    assert found.gone(0, axis) == lowest(sizes, count)


def test_blocks_are_inputs_in_a_row() -> None:
    kind = "L1RankedStructureParameterPruner, group_type: Blocks, desired_sparsity: 0.4"
    text = f"{kind}, kwargs: {{block_shape: [1, 8, 1, 1]}}, weights: [{CONV}]"
    after = run(schedule("pruners", text)).after[0]
    blocks = after.reshape(16, 2, 8, 9) == 0
    assert int(blocks.all(dim=2).sum()) == int(0.4 * 16 * 2 * 9) == int(blocks.any(dim=2).sum())


def test_the_leader_decides_for_all_and_none_is_wider_than_the_other() -> None:
    kind = "L1RankedStructureParameterPruner, group_type: Filters, desired_sparsity: 0.5"
    text = f"{kind}, group_dependency: Leader, weights: [{FOUR}]"
    found = run(schedule("pruners", text), TOGETHER[0])
    expected = lowest(found.first.abs().flatten(1).sum(1), 16)
    for layer in TOGETHER:
        left = found.left(layer).flatten(1).any(1)
        assert (~left).nonzero().flatten().tolist() == expected


def test_a_folded_ranking_counts_what_the_batch_norm_makes_of_a_filter() -> None:
    text = schedule("pruners", f"L1RankedStructureParameterPruner, {HALF}", "fold_batchnorm: true")
    norm = network_of().get_submodule("blocks.0.first.bn")
    assert isinstance(norm, torch.nn.BatchNorm2d) and norm.running_var is not None
    scale = (norm.weight / (norm.running_var + norm.eps).sqrt()).detach().abs()
    found = run(text)
    sizes = found.first.abs().flatten(1).sum(1)
    assert found.gone(0) == lowest(sizes * scale, 8) != lowest(sizes, 8)


def test_new_masks_come_at_steps_too() -> None:
    often = schedule("pruners", f"RandomRankedFilterPruner, {HALF}", f"{DOUBLE}, {EVERY}")
    gone = [tuple(run(often).gone(step)) for step in range(4)]
    assert len(set(gone)) == 4


EVERY = "mini_batch_pruning_frequency: 1"


@pytest.mark.parametrize(
    "pruner, remover, wider",
    [
        (f"L1RankedStructureParameterPruner, {HALF}", "FilterRemover, {}: remove_filters", 8),
        (
            "L1RankedStructureParameterPruner, group_type: Channels, desired_sparsity: 0.5, "
            "weights: [module.layer1.0.conv2.weight]",
            "ChannelRemover, {}: remove_channels",
            8,
        ),
    ],
)
def test_what_is_masked_whole_is_removed(pruner: str, remover: str, wider: int) -> None:
    thin = remover.format("thinning_func_str")
    text = schedule("pruners", pruner, times="epochs: [0]").replace(
        "policies:",
        f"extensions:\n  thin: {{class: {thin}, arch: resnet20_cifar, dataset: cifar10}}\n"
        "policies:\n  - {extension: {instance_name: thin}, epochs: [1]}",
    )
    found = run(text)
    assert found.left().shape == (wider, 16, 3, 3)
    saved = 8 * 16 * 9 * SHAPE.height * SHAPE.width * 2
    assert macs_of(found.plain, SHAPE) == macs_of(network_of(), SHAPE) - saved
    x = torch.randn(2, 3, 16, 16)
    network, plain = found.learner.network.eval(), found.plain.eval()
    torch.testing.assert_close(plain(x), network(x), rtol=1e-4, atol=1e-5)


def test_a_name_for_all_others_masks_biases_and_norms_too() -> None:
    found = run(
        schedule("pruners", f"SparsityLevelParameterPruner, levels: {{'*': 0.5, {CONV}: 0}}")
    )
    plain = found.plain
    assert not zeros(found.left()).any()
    for name, parameter in plain.named_parameters():
        if name != f"{LAYER}.weight":
            assert int(zeros(parameter).sum()) == parameter.numel() // 2, name


def test_two_policies_of_one_pruner_are_one_mask_at_all_their_times() -> None:
    text = schedule(
        "pruners", f"SparsityLevelParameterPruner, levels: {{{CONV}: 0.1}}", times="epochs: [0]"
    )
    more = f"args: {{levels: {{{CONV}: 0.4}}}}"
    text += f"  - {{pruner: {{instance_name: one, {more}}}, epochs: [1]}}\n"
    by_count(230, 921)(run(text))


def test_a_threshold_of_channels_goes_by_their_means() -> None:
    args = f"reg_regims: {{{CONV}: [0.1, Channels]}}, threshold_criteria: Max"
    found = run(schedule("pruners", f"StructureParameterPruner, {args}"))
    means = found.first.abs().mean(dim=(0, 2, 3))
    assert found.gone(0, axis=1) == (means <= 0.1).nonzero().flatten().tolist()


@pytest.mark.parametrize(
    "times, epochs", [(TIMES.replace("h: 2", "h: 4"), 4), ("epochs: [0, 1, 3]", 3)]
)
def test_surgery_may_become_harsher_with_every_epoch(times: str, epochs: int) -> None:
    args = f"low_thresh_mult: 0.9, hi_thresh_mult: 1.1, sensitivities: {{{CONV}: 0.05}}"
    growing = f"SplicingPruner, sensitivity_multiplier: 0.5, {args}"
    (step,) = recipe_of(schedule("pruners", growing, times=times)).steps
    assert isinstance(step, MaskStep)
    (methods,) = step.methods(step.when.rounds(1, 4), {CONV: 1}).values()
    alphas = [method.alpha for method in methods.values() if isinstance(method, Surgery)]
    at = range(4) if epochs == 4 else (0, 1, 3)
    assert alphas == pytest.approx([0.05 * (0.5 * epoch + 1) for epoch in at])
