"""Drawings of networks: everything is in one box, nothing covers anything, colours mean groups."""

from collections import Counter
from collections.abc import Sequence
from itertools import combinations, pairwise
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from torch import nn

from compression.analysis.graph.boxes import Box, boxes_of
from compression.analysis.graph.colours import ALONE, KEPT, looks_of
from compression.analysis.graph.layout import BETWEEN, Layout, Size, apart, lay_out, ranks_of
from compression.analysis.graph.page import drawing_of, write_drawing
from compression.channels.cut import noise
from compression.channels.groups import find_channels
from proxyless_nas import Shape, load_network, macs_of, network_input, parameters_of
from tests.compression.analysis.commands import SVG, parsed, refused, run
from tests.compression.channels.networks import NETWORKS, Forward, conv

pytestmark = pytest.mark.slow

FAMILIES = ("resnet20_cifar", "torchvision:mobilenet_v2", "googlenet", "shufflenet_v2_x0_5")
SMALL = [name for name, (_, shape, _) in NETWORKS.items() if len(shape) == 4]


def small(name: str) -> tuple[nn.Module, Shape]:
    network, shape, _ = NETWORKS[name]
    return network, Shape(*shape[1:])


def must_hold_all(module: nn.Module, boxes: Sequence[Box], shape: Shape) -> None:
    """Every module without parts that is called stands in one box; work and parameters add up."""
    calls = Counter(part for box in boxes for part in box.parts)
    leaves = {name for name, part in module.named_modules() if not [*part.children()]}
    assert set(calls) <= leaves
    assert all(
        calls[name] for name in leaves if [*module.get_submodule(name).parameters()]
        if "aux" not in name
    )  # fmt: skip
    assert sum(box.macs for box in boxes) == macs_of(module, shape)
    unseen = sum(parameters_of(part) for name, part in module.named_children() if "aux" in name)
    assert sum(box.parameters for box in boxes) == parameters_of(module) - unseen
    for number, box in enumerate(boxes):
        assert all(one < number for one in box.inputs)


@pytest.mark.parametrize("name", SMALL)
def test_every_layer_stands_in_one_box(name: str) -> None:
    module, shape = small(name)
    boxes = boxes_of(module, shape)
    must_hold_all(module, boxes, shape)
    assert boxes[0].words == ("input",)
    assert boxes[0].output == (shape.channels, shape.height, shape.width)


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
def test_families_stand_in_boxes_that_cover_nothing(name: str) -> None:
    module, shape = load_network(name).eval(), network_input(name)
    boxes = boxes_of(module, shape)
    must_hold_all(module, boxes, shape)
    inputs, sizes = [box.inputs for box in boxes], [(200.0, 50.0)] * len(boxes)
    must_be_readable(inputs, sizes, lay_out(inputs, sizes))


def test_what_follows_a_layer_alone_is_in_its_box_and_what_others_read_is_not() -> None:
    module = Forward(
        lambda s, x: s.head((s.one(s.norm(s.conv(x)).relu()) + s.two(s.bare(x)) + s.bare(x))
                            .mean((2, 3))),
        conv=conv(3, 8), norm=nn.BatchNorm2d(8), one=conv(8, 8, 1, groups=8), two=nn.ReLU(),
        bare=conv(3, 8), head=nn.Linear(8, 4),
    )  # fmt: skip
    boxes = boxes_of(module, Shape(3, 6, 6))
    assert [(box.name, *box.words) for box in boxes] == [
        ("x", "input"), ("conv", "Conv2d 3×3", "BN", "relu"), ("one", "Conv2d 1×1 depthwise"),
        ("bare", "Conv2d 3×3", "ReLU"), ("add", "add"), ("bare", "Conv2d 3×3"), ("add_1", "add"),
        ("mean", "mean"), ("head", "Linear"),
    ]  # fmt: skip
    assert [box.inputs for box in boxes] == [(), (0,), (1,), (0,), (2, 3), (0,), (4, 5), (6,), (7,)]
    again = [box for box in boxes if box.name == "bare"]
    assert again[0].macs == again[1].macs == 27 * 8 * 36
    assert (again[0].parameters, again[1].parameters) == (27 * 8 + 8, 0)


def test_what_picks_an_answer_or_changes_nothing_is_no_box() -> None:
    module = Forward(
        lambda s, x: s.head(s.drop(s.same(x.flatten(2)) + s.attend(*[x.flatten(2)] * 3)[0])),
        same=nn.Identity(), attend=nn.MultiheadAttention(16, 2, batch_first=True),
        drop=nn.Dropout(), head=nn.Linear(16, 4),
    )  # fmt: skip
    boxes = boxes_of(module, Shape(3, 4, 4))
    assert [box.words for box in boxes if box.words[0] != "flatten"] == [
        ("input",), ("MultiheadAttention",), ("add",), ("Linear",),
    ]  # fmt: skip
    assert boxes[-1].inputs == (len(boxes) - 2,) and len(boxes[-2].inputs) == 2


def must_be_readable(inputs: Sequence[Sequence[int]], sizes: Sequence[Size], at: Layout) -> None:
    """Boxes below their inputs, inside the picture, apart from each other and from lines."""
    sides: list[tuple[float, float, float, float]] = []
    for (x, y), (width, height) in zip(at.centres, sizes, strict=True):
        sides.append((x - width / 2, y - height / 2, x + width / 2, y + height / 2))
        left, top, right, bottom = sides[-1]
        assert min(left, top) >= -1e-6
        assert right <= at.width + 1e-6 and bottom <= at.height + 1e-6
    for one, other in combinations(sides, 2):
        assert one[2] + BETWEEN <= other[0] + 1e-6 or other[2] + BETWEEN <= one[0] + 1e-6 or (
            one[3] < other[1] or other[3] < one[1]
        )  # fmt: skip
    for number, each in enumerate(inputs):
        assert all(sides[one][3] < sides[number][1] for one in each)
    ends = Counter(end for _, end in at.lines)
    for start, end in at.lines:
        assert start[1] <= end[1]
        for left, top, right, bottom in sides:  # a line is at an x between its ends
            if start[1] < bottom - 1e-6 and end[1] > top + 1e-6:
                assert max(start[0], end[0]) < left or min(start[0], end[0]) > right
    for (x, _), side, each in zip(at.centres, sides, inputs, strict=True):
        assert bool(each) == bool(ends[x, side[1]])


@given(some.integers(1, 14), some.randoms(use_true_random=False))
@settings(deadline=None, max_examples=60)
def test_no_box_covers_another_or_a_line(count: int, chance: Random) -> None:
    inputs = [
        sorted(chance.sample(range(number), min(number, chance.randint(0, 3))))
        for number in range(count)
    ]
    sides = (20.0, 60.0, 200.0)
    sizes = [(chance.choice(sides), 10 + chance.choice(sides) / 4) for _ in range(count)]
    must_be_readable(inputs, sizes, lay_out(inputs, sizes))


def test_ranks_are_the_longest_ways() -> None:
    assert ranks_of([(), (0,), (1,), (0, 2), (), (3, 4)]) == [0, 1, 2, 3, 0, 4]


def test_a_chain_stands_upright_and_what_passes_by_beside_it() -> None:
    inputs = [(), (0,), (1,), (0, 2), (3,), (4,), (3, 5), (6,)]
    at = lay_out(inputs, [(100.0, 20.0)] * len(inputs))
    xs = [x for x, _ in at.centres]
    assert max(xs) - min(xs) < 10
    assert [y for _, y in at.centres] == sorted({y for _, y in at.centres})


@given(some.lists(some.tuples(some.floats(-50, 50), some.floats(1, 9), some.floats(1, 20)),
                  min_size=1, max_size=7))  # fmt: skip
@settings(deadline=None, max_examples=60)
def test_positions_are_the_least_squares_that_leave_room(
    items: list[tuple[float, float, float]],
) -> None:
    wanted, half, firm = (list(each) for each in zip(*items, strict=True))
    found = apart(wanted, half, firm)
    room = [a + b + BETWEEN for a, b in pairwise(half)]
    assert all(b - a >= r - 1e-6 for (a, b), r in zip(pairwise(found), room, strict=True))

    def cost(positions: Sequence[float]) -> float:
        pairs = zip(firm, positions, wanted, strict=True)
        return sum(weight * (at - want) ** 2 for weight, at, want in pairs)

    for first in range(len(found)):
        for last in range(first + 1, len(found) + 1):
            for step in (-0.1, 0.1):  # no block is better off elsewhere
                moved = [x + step * (first <= i < last) for i, x in enumerate(found)]
                fits = all(b - a >= r for (a, b), r in zip(pairwise(moved), room, strict=True))
                assert not fits or cost(moved) >= cost(found) - 1e-6


def test_layers_of_one_group_look_alike_and_groups_that_meet_do_not() -> None:
    module, shape = load_network("resnet20_cifar"), network_input("resnet20_cifar")
    boxes = boxes_of(module, shape)
    channels = find_channels(module, noise(shape, module))
    looks = looks_of(module, boxes, channels)
    by_name = dict(zip((box.name for box in boxes), looks, strict=True))
    stages = [group for group in channels.groups if len(group.makers) > 1]
    colours = [{by_name[maker].box for maker in group.makers} for group in stages]
    assert [len(each) for each in colours] == [1, 1, 1] and len(set.union(*colours)) == 3
    assert by_name["add"].box == by_name["stem.conv"].box  # what is no layer, as what it is given
    alone = [group for group in channels.groups if len(group.makers) == 1]
    assert {by_name[group.name].box for group in alone} == {ALONE}
    assert by_name["classifier.linear"].box == KEPT
    assert by_name["classifier.linear"].reason == "it is in the network's answer"


@pytest.mark.parametrize("name", SMALL)
def test_any_network_is_drawn_and_says_what_stays_and_why(name: str, tmp_path: Path) -> None:
    module, shape = small(name)
    drawing = drawing_of(f"<{name}>", module, shape)
    write_drawing(drawing, tmp_path / "graph.html")
    page = parsed((tmp_path / "graph.html").read_text())
    text = " ".join(page.itertext())
    assert all(layer in text and reason in text for layer, reason in drawing.channels.kept.items())
    boxes = [one for one in page.iter("g") if one.find("rect") is not None]
    assert len(boxes) == len(drawing.boxes)
    write_drawing(drawing, tmp_path / "graph.svg")
    picture = parsed((tmp_path / "graph.svg").read_text())
    assert len([*picture.iter(f"{SVG}title")]) == len(boxes)


def test_depthwise_layers_have_the_colour_of_what_they_carry() -> None:
    module, shape = small("depthwise, grouped and transposed")
    boxes = boxes_of(module, shape)
    looks = looks_of(module, boxes, find_channels(module, noise(shape, module)))
    found = {box.name: look for box, look in zip(boxes, looks, strict=True)}
    assert found["a"].box == found["wide"].box not in (ALONE, KEPT)
    assert found["a"].group == found["wide"].group != found["grouped"].group


def test_the_command_draws_and_refuses(tmp_path: Path) -> None:
    said = run("draw", "--arch", "resnet20_cifar", "--out", tmp_path / "g.html")
    assert "40.8" in said and "that can leave: 12; layers whose channels stay: 1." in said
    assert (tmp_path / "g.html").exists()
    assert "neither with .html nor" in refused("draw", "--arch", "resnet20_cifar", "--out", "g.png")


def test_a_network_that_cannot_be_traced_is_refused() -> None:
    module = Forward(lambda s, x: s.a(x) if x.sum() > 0 else x, a=conv(3, 3))
    with pytest.raises(ValueError, match="cannot be traced"):
        boxes_of(module, Shape(3, 4, 4))
