"""Distiller's four filter schedules for ResNet-20 leave its published multiply-accumulates."""

from typing import NamedTuple

import pytest
import torch
from torch import nn

from compression.steps import StructuresStep
from proxyless_nas import macs_of
from proxyless_nas.layer import Shape
from proxyless_nas.subject import open_subject
from proxyless_nas.weights import load_weights
from tests.compression.readers.running import images, learner_of, read_for, recipe_of, run
from tests.compression.readers.running import schedule as one_component
from tests.shared import shared

FIRST = [f"module.layer{stage}.{block}.conv1.weight" for stage in (1, 2) for block in range(3)]
SECOND = [
    "module.layer2.0.conv1.weight",
    "module.layer2.0.conv2.weight",
    "module.layer2.0.downsample.0.weight",
    "module.layer2.1.conv2.weight",
    "module.layer2.2.conv2.weight",
    "module.layer2.1.conv1.weight",
    "module.layer2.2.conv1.weight",
]
THIRD = [
    "module.layer3.0.conv2.weight",
    "module.layer3.0.downsample.0.weight",
    "module.layer3.1.conv2.weight",
    "module.layer3.2.conv2.weight",
]
FINE = [f"module.layer3.{block}.conv{number}.weight" for block in (1, 2) for number in (1, 2)]
LATE_FINE = ["module.layer3.0.conv1.weight", "module.layer3.0.conv2.weight"]
HEAD = ["module.fc.weight"]
Pruner = tuple[str, float, list[str]]


def filters(stop: float, weights: list[str], leads: bool = False) -> Pruner:
    leader = ", group_dependency: Leader" if leads else ""
    kind = f"L1RankedStructureParameterPruner_AGP, group_type: Filters{leader}"
    return f"{kind}, initial_sparsity: 0.1", stop, weights


def fine(stop: float, weights: list[str]) -> Pruner:
    return "AutomatedGradualPruner, initial_sparsity: 0.05", stop, weights


ROWS: Pruner = (
    "L1RankedStructureParameterPruner_AGP, group_type: Rows, initial_sparsity: 0.05", 0.5, HEAD
)  # fmt: skip


def schedule(early: list[Pruner], late: list[Pruner], removal: int) -> str:
    """The early pruners in epochs 0 to 3, the late ones in 4 to 6, removal at a time of theirs."""
    lines = ["version: 1", "pruners:"]
    for number, (kind, stop, weights) in enumerate([*early, *late]):
        listed = ", ".join(weights)
        lines.append(f"  p{number}: {{class: {kind}, final_sparsity: {stop}, weights: [{listed}]}}")
    lines += [
        "extensions:",
        "  thin: {class: FilterRemover, thinning_func_str: remove_filters, arch: resnet20_cifar,",
        "         dataset: cifar10}",
        "policies:",
        f"  - {{extension: {{instance_name: thin}}, epochs: [{removal}]}}",
    ]
    for number in range(len(early) + len(late)):
        begin, end = (0, 4) if number < len(early) else (4, 7)
        lines.append(
            f"  - {{pruner: {{instance_name: p{number}}}, starting_epoch: {begin}, "
            f"ending_epoch: {end}, frequency: 1}}"
        )
    return "\n".join(lines)


class Published(NamedTuple):
    """A schedule, and what Distiller's comments say that it left."""

    text: str
    macs: int
    weights: int
    """Of convolutions and the linear map."""
    nonzeros: int


AGP_3 = [filters(0.5, SECOND)], [fine(0.5, LATE_FINE), fine(0.7, FINE), ROWS]
PUBLISHED = {
    "agp": Published(
        schedule([filters(0.5, SECOND)], [fine(0.7, FINE), ROWS], 4), 30_655_104, 223_536, 120_000
    ),
    "agp_2": Published(
        schedule([filters(0.4, FIRST)], [fine(0.7, FINE)], 5), 30_638_720, 246_704, 143_488
    ),
    "agp_3, its table": Published(schedule(*AGP_3, 4), 30_655_104, 223_536, 96_960),
    "agp_3, its head": Published(schedule(*AGP_3, 5), 30_433_920, 220_080, 95_922),
    "agp_4": Published(
        schedule(
            [filters(0.5, SECOND), filters(0.5, THIRD, leads=True)], [fine(0.7, FINE), ROWS], 5
        ),
        24_723_776, 130_544, 78_776,
    ),
}  # fmt: skip
DEAD = "blocks.8.first.conv"


@pytest.mark.slow
@pytest.mark.parametrize("name", PUBLISHED)
def test_a_schedule_leaves_the_published_work_and_weights(name: str) -> None:
    """The head of agp_3 is that of a run in which three filters of layer3.2.conv1 had died by the
    time of removal: 73,728 MACs each, with what layer3.2.conv2 takes of them. Its table is that of
    another run, in which none had. The three are made to die here.
    """
    network = open_subject("resnet20_cifar").build(seed=0)
    load_weights(network, shared("data/distiller/resnet20_cifar10_dense.pth.tar"))
    published = PUBLISHED[name]
    if name == "agp_3, its head":
        with torch.no_grad():
            network.get_submodule(DEAD).get_parameter("weight")[[38, 33, 10]] *= 1e-6
    plain = run(published.text, epochs=8, network=network, lr=1e-4).plain
    weights = [one.weight for one in plain.modules() if isinstance(one, nn.Conv2d | nn.Linear)]
    assert macs_of(plain, Shape(3, 32, 32)) == published.macs
    assert sum(weight.numel() for weight in weights) == published.weights
    assert sum(int(weight.count_nonzero()) for weight in weights) == published.nonzeros


def test_agp_removes_as_many_filters_as_distiller_at_every_time() -> None:
    for start, stop, end, width, expected in (
        (0.1, 0.5, 30, 32, [3, 5, 7, 9, 11, 12, 13, 14, 14, 15, 15, 15, 15, 15, 16]),
        (0.1, 0.4, 20, 32, [3, 6, 8, 9, 11, 11, 12, 12, 12, 12]),
        (0.1, 0.4, 20, 16, [1, 3, 4, 4, 5, 5, 6, 6, 6, 6]),
    ):
        (step,) = recipe_of(
            schedule_of(
                f"L1RankedStructureParameterPruner_AGP, initial_sparsity: {start}, "
                f"final_sparsity: {stop}, group_type: Filters, weights: [{FIRST[0]}]", end
            )
        ).steps  # fmt: skip
        assert isinstance(step, StructuresStep)
        rounds = step.when.rounds(per_epoch=3, total=3 * end)
        assert [steps[0] for steps in rounds] == list(range(0, 3 * end, 6))
        ways = step.ways(rounds)
        gone = [
            int((~ways[steps[0]].kept(torch.rand(width, 9), None, 0)).sum()) for steps in rounds
        ]
        assert gone == expected


def schedule_of(pruner: str, end: int) -> str:
    return one_component(
        "pruners", pruner, times=f"starting_epoch: 0, ending_epoch: {end}, frequency: 2"
    )


CHANNELS = {
    0.7: ["layer1.1.conv1", "layer1.0.conv1", *[f"layer1.{block}.conv1" for block in range(2, 9)],
          "layer2.0.conv1", "layer2.0.downsample.0"],
    0.6: [f"layer2.{block}.conv2" for block in (1, 2, 3, 4, 6, 7)],
    0.2: ["layer3.1.conv2"],
    0.4: [f"layer3.{block}.conv2" for block in (2, 3, 5, 6, 7, 8)],
}  # fmt: skip


@pytest.mark.slow
def test_channels_of_a_stage_leave_by_what_takes_them() -> None:
    """Distiller's one-shot channel pruning of ResNet-56: in the first stage all layers that take
    the channels of the sum lose those that the leader, the second of them, ranks lowest."""
    lines = ["pruners:"]
    for share, layers in CHANNELS.items():
        names = ", ".join(f"module.{layer}.weight" for layer in layers)
        leads = ", group_dependency: Leader" if share == 0.7 else ""
        lines.append(
            f"  p{share}: {{class: L1RankedStructureParameterPruner, group_type: Channels, "
            f"desired_sparsity: {share}{leads}, weights: [{names}]}}"
        )
    lines += [
        "extensions:",
        "  thin: {class: StructureRemover, thinning_func_str: remove_channels,",
        "         arch: resnet56_cifar, dataset: cifar10}",
        "policies:",
        *[f"  - {{pruner: {{instance_name: p{share}}}, epochs: [0]}}" for share in CHANNELS],
        "  - {extension: {instance_name: thin}, epochs: [0]}",
    ]
    subject = open_subject("resnet56_cifar", side=16)
    found = read_for("\n".join(lines), subject)
    assert [note.verdict for note in found.notes].count("differs") == 1  # removal, at the end
    network = subject.build(seed=0)
    assert found.recipe is not None
    leader = network.get_submodule("blocks.1.first.conv").get_parameter("weight").detach().clone()
    learner = learner_of(found.recipe, 1, network)
    learner.step(0, [images(0)])
    plain = learner.plain()
    weights = [one.weight for one in plain.modules() if isinstance(one, nn.Conv2d | nn.Linear)]
    assert macs_of(plain, Shape(3, 32, 32)) == 66_592_384
    assert sum(weight.numel() for weight in weights) == 566_887
    kept = leader.abs().sum(dim=(0, 2, 3)).argsort()[11:].sort().values
    assert plain.get_submodule("blocks.1.first.conv").get_parameter("weight").shape[1] == len(kept)
