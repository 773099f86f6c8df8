"""Every learner's command trains ResNet-20 for two short epochs, and leaves what it promises."""

import math
from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from compression.masks import Level
from compression.masks.ratios import heuristic
from compression.quantizers.place import input_quantizers, quantizable, quantization_of
from compression.readers.names import channels_of
from compression.steps import MaskStep, TeachStep
from proxyless_nas import macs_of
from proxyless_nas.layer import Shape
from tests.compression.readers.pocketflow.commands import SHORT, recipe_of, run
from tests.compression.readers.running import (
    LAYER,
    SHAPE,
    images,
    network_of,
    plan_for,
    seen,
    subject,
    weight_of,
)
from training.rates import Milestones

LAST = "blocks.8.first.conv"
"""What the last convolution takes."""
FEW = "--cp_nb_batches 1 --batch_size 8"


def ninth(width: int) -> int:
    return math.ceil(0.9 * width)


@pytest.mark.slow
@pytest.mark.parametrize(
    "learner, flags, kept, whole",
    [
        (
            "channel",
            f"--cp_prune_option uniform --cp_uniform_preserve_ratio 0.6 {FEW}",
            lambda width: round(0.6 * width),
            {LAST},
        ),
        (
            "channel",
            f"--cp_prune_option uniform --cp_uniform_preserve_ratio 0.6 --nocp_lasso {FEW}",
            lambda width: round(0.6 * width),
            {LAST},
        ),
        (
            "channel",
            f"--cp_prune_option=uniform --cp_uniform_preserve_ratio=.7 --cp_quadruple {FEW}",
            lambda width: {16: 12, 32: 24, 64: 44}[width],
            {LAST},
        ),
        ("chn-pruned-gpu", "--cpg_prune_ratio 0.3", lambda width: int(0.7 * width), {LAST}),
        ("chn-pruned-gpu", "--nocpg_skip_ht_layers", lambda width: width // 2, set[str]()),
        (
            "chn-pruned-rmt",
            "--cpr_prune_ratio 0.3 --cpr_skip_op_names blocks.1.second.conv,layer2.1.conv2",
            lambda width: int(0.7 * width),
            {"blocks.1.first.conv", "blocks.4.first.conv"},
        ),
        ("dis-chn-pruned", "--dcp_prune_ratio 0.1 --dcp_nb_stages 1", ninth, set[str]()),
    ],
)
def test_of_each_width_stays_what_the_command_says(
    learner: str, flags: str, kept: Callable[[int], int], whole: set[str]
) -> None:
    plain = run(learner, flags).plain
    for group in channels_of(subject()).groups:
        left = group.width if group.name in whole else kept(group.width)
        assert {len(weight_of(plain, maker)) for maker in group.makers} == {left}, group.name


def test_what_an_agent_would_spread_is_spread_evenly_and_does_as_few_multiplications() -> None:
    plain = run("channel", f"--cp_preserve_ratio 0.5 {FEW}").plain
    assert 0.45 < macs_of(plain, SHAPE) / macs_of(network_of(), SHAPE) <= 0.5


def zeros_by_layer(network: nn.Module) -> dict[str, tuple[int, int]]:
    """(zeros, elements) of the weight of each layer that computes."""
    weights = {name: weight_of(network, name) for name in quantizable(network, SHAPE)}
    return {name: (int((one == 0).sum()), one.numel()) for name, one in weights.items()}


@pytest.mark.parametrize("often", [50, 500])
def test_every_layer_loses_the_same_share(often: int) -> None:
    flags = f"--ws_prune_ratio_prtl uniform --ws_prune_ratio .6 --ws_mask_update_step {often}"
    for name, (gone, count) in zeros_by_layer(run("weight-sparse", flags).plain).items():
        assert gone == Level(share=0.6).gone(count), name


@pytest.mark.parametrize("protocol, ends", [("heurist", True), ("optimal", False)])
def test_larger_layers_lose_more_and_together_they_lose_the_share(
    protocol: str, ends: bool
) -> None:
    found = zeros_by_layer(run("weight-sparse", f"--ws_prune_ratio_prtl {protocol}").plain)
    outer = {"stem.conv", "classifier.linear"}
    assert all((found[name][0] > 0) is ends for name in outer)
    inner = {name: one for name, one in found.items() if ends or name not in outer}
    gone, count = (sum(each) for each in zip(*inner.values(), strict=True))
    assert gone == pytest.approx(0.75 * count, abs=len(inner))
    shares = {count: gone / count for gone, count in inner.values()}
    assert sorted(shares) == sorted(shares, key=shares.__getitem__)


INNER = [2304] * 6 + [4608] + [9216] * 5 + [18432] + [36864] * 5
"""Elements of ResNet-20's inner layers, but for its shortcuts."""


def mask_of(flags: str) -> MaskStep:
    (step,) = recipe_of("weight-sparse", flags).steps
    assert isinstance(step, MaskStep)
    return step


def shares_at(step: MaskStep, counts: dict[str, int], per_epoch: int = 1) -> dict[str, list[float]]:
    """By layer, the share that goes at each of the step's times in 250 epochs."""
    methods = step.methods(step.when.rounds(per_epoch, 250 * per_epoch), counts)
    return {
        name: [one.share for one in each.values() if isinstance(one, Level)]
        for name, each in methods.items()
    }


def test_the_golden_curve() -> None:
    flags = "--ws_iter_ratio_beg .04 --ws_iter_ratio_end .2 --ws_mask_update_step 391"
    step = mask_of(f"{flags} --ws_prune_ratio_prtl uniform")
    (shares,) = shares_at(step, {LAYER: 2304}).values()
    assert step.when.steps(1, 250) == list(range(10, 51))
    by_epoch = dict(zip(range(10, 51), shares, strict=True))
    assert [round(by_epoch[epoch], 6) for epoch in (10, 20, 30, 40, 50)] == [
        0.0, 0.433594, 0.65625, 0.738281, 0.75,
    ]  # fmt: skip


def test_by_default_the_curve_goes_from_a_tenth_to_half_of_the_training() -> None:
    step = mask_of("")
    assert step == mask_of("--ws_iter_ratio_beg .1 --ws_iter_ratio_end .5 --ws_prune_ratio .75")
    steps = step.when.steps(391, 250 * 391)
    assert steps[0] == round(0.1 * 250 * 391) and steps[-1] == pytest.approx(
        0.5 * 250 * 391, abs=39
    )
    assert {late - early for early, late in pairwise(steps)} == {501}
    until_the_end = mask_of("--ws_iter_ratio_end 1.0")
    assert until_the_end.when.end is None and len(until_the_end.when.steps(391, 250 * 391)) == 176


def test_the_golden_shares_of_layers() -> None:
    counts = {f"{number}": count for number, count in enumerate(INNER)}
    shares = shares_at(mask_of("--ws_prune_ratio_prtl heurist"), counts)
    last = {counts[name]: round(each[-1], 6) for name, each in shares.items()}
    assert {count: last[count] for count in (4608, 18432, 36864)} == {
        4608: 0.629587, 18432: 0.733053, 36864: 0.784786,
    }  # fmt: skip
    assert heuristic(0.75, INNER) == [each[-1] for each in shares.values()]


def levels(weight: Tensor) -> Tensor:
    return weight.unique()


@pytest.mark.parametrize("flags, per_row", [("", False), ("--uql_use_buckets", True)])
def test_weights_lie_on_levels_between_their_ends(flags: str, per_row: bool) -> None:
    found = run("uniform", f"--uql_weight_bits 3 --uql_activation_bits 8 {flags}")
    network = found.learner.network
    placed = quantization_of(network).layers
    assert len(placed) == 20 and "stem.conv" not in placed and "classifier.linear" not in placed
    layer = network.get_submodule(LAYER)
    dense = layer.get_parameter("parametrizations.weight.original").detach()
    weight = weight_of(network, LAYER)
    assert not torch.equal(found.after[0], found.after[-1])
    for own, rounded in zip(
        dense.flatten(1) if per_row else [dense], weight if per_row else [weight], strict=True
    ):
        wanted = torch.linspace(float(own.min()), float(own.max()), 8)
        apart = (levels(rounded)[:, None] - wanted).abs().min(dim=1).values
        assert float(apart.max()) < 1e-5
        torch.testing.assert_close(torch.stack(rounded.aminmax()), torch.stack(own.aminmax()))
    assert len(input_quantizers(network)) == 20


def test_levels_are_those_of_what_weights_were_asked_for_by_an_agent_or_not() -> None:
    flags = "--uql_enbl_rl_agent --uql_equivalent_bits 2 --uql_activation_bits 8"
    found = run("uniform", f"{flags} --uql_quantize_all_layers")
    placed = quantization_of(found.learner.network).layers
    assert len(placed) == 22 and not input_quantizers(found.learner.network)
    for name in placed:
        assert len(levels(found.left(name)).round(decimals=5).unique()) == 4, name


def test_a_codebook_begins_at_quantiles_and_its_values_learn() -> None:
    found = run("non-uniform", "--nuql_weight_bits 2 --nuql_opt_mode clusters")
    placed = quantization_of(found.learner.network).layers
    assert len(placed) == 20 and len(levels(found.left())) == 4
    first, last = found.after[0], found.after[-1]
    assert len(levels(first)) == 4 and not torch.equal(levels(first), levels(last))
    quantiles = torch.quantile(found.first, torch.arange(1, 5) / 5)
    nearest = (found.first.flatten()[:, None] - quantiles).abs().argmin(dim=1)
    own = (last.flatten()[:, None] == levels(last)).float().argmax(dim=1)
    assert float((nearest == own).float().mean()) > 0.8


def test_the_graph_of_tensorflow_has_levels_around_zero_everywhere() -> None:
    found = run("uniform-tf", "--uqtf_weight_bits 4")
    placed = quantization_of(found.learner.network).layers
    assert len(placed) == len(input_quantizers(found.learner.network)) == 22
    for name in placed:
        own = levels(found.left(name))
        assert len(own.round(decimals=5).unique()) <= 16 and float(own.abs().min()) < 1e-6, name


class Answers(nn.Module):
    """Says what it was told."""

    def __init__(self, logits: list[float]) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.tensor([logits]))

    def forward(self, x: Tensor) -> Tensor:
        return self.logits.expand(len(x), -1)


def test_the_golden_loss_of_a_teacher() -> None:
    recipe = recipe_of("full-prec", "--enbl_dst")
    (step,) = recipe.steps
    assert isinstance(step, TeachStep)
    teacher, x = Answers([3.0, 1.0, 0.0]), torch.zeros(1, 1, 1, 1)
    companion = recipe.accompany(teacher, Shape(1, 1, 1), plan_for(recipe, 2))
    companion.before(0)
    logits = torch.tensor([[1.0, 2.0, 3.0]])
    added = companion.penalty(x, logits, lambda logits: logits.sum())
    assert added is not None
    soft = F.softmax(teacher.logits.detach() / 4, dim=1)
    entropy = float(-(soft * soft.log()).sum())
    assert float(added) + 4 * entropy == pytest.approx(4.731157, abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(
    "learner", ["channel", "chn-pruned-gpu", "chn-pruned-rmt", "dis-chn-pruned", "weight-sparse",
                "uniform", "non-uniform", "uniform-tf"],
)  # fmt: skip
def test_a_teacher_is_what_the_training_began_with_whatever_the_learner_does(learner: str) -> None:
    recipe = recipe_of(learner, f"{SHORT} --enbl_dst {FEW}")
    assert isinstance(recipe.steps[0], TeachStep) and len(recipe.steps) == 2
    network, whole = network_of(), network_of().eval()
    companion = recipe.accompany(network, SHAPE, plan_for(recipe, 2), seen)
    companion.before(0)
    x, _ = images(0)
    logits = torch.zeros(len(x), 10)
    added = companion.penalty(x, logits, lambda logits: logits.sum())
    assert added is not None
    wanted, said = whole(x).detach() / 4, F.log_softmax(logits / 4, dim=1)
    apart = F.kl_div(said, F.log_softmax(wanted, dim=1), reduction="batchmean", log_target=True)
    torch.testing.assert_close(added.detach(), 4 * apart)


def test_a_training_without_compression_has_the_rates_of_the_network() -> None:
    (rule,) = recipe_of("full-prec").rates
    assert [rule.rate(0.1, epoch) for epoch in (99, 100, 150, 200)] == pytest.approx(
        [0.1, 0.01, 0.001, 0.0001]
    )
    (shorter,) = recipe_of("full-prec", "--nb_epochs_rat 0.1").rates
    assert shorter == Milestones(at=(10, 15, 20))
