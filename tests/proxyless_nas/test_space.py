"""Laws of spaces: the published numbers, and every choice is a network."""

import random
from pathlib import Path

import pytest

from proxyless_nas import MBConv, Shape, Skip, Tree, hand_made, load_spec, named_space
from proxyless_nas.channels import round_channels
from proxyless_nas.spaces import LAYOUTS, TREES


def test_the_mobile_space_has_the_published_size() -> None:
    space = named_space("imagenet-mobile")
    counts = space.counts
    assert (len(space.edges), len(counts), sum(counts)) == (22, 21, 141)
    assert counts == (6, 7, 7, 7) * 5 + (6,)
    assert space.size == 6**6 * 7**15


def test_the_mobile_space_holds_the_published_number_of_weights() -> None:
    assert named_space("imagenet-mobile").parameters == 16_034_168


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_choice_is_a_network_made_of_listed_blocks(name: str) -> None:
    space = named_space(name)
    listed = set(space.blocks())
    generator = random.Random(0)
    for _ in range(20):
        options = [generator.randrange(count) for count in space.counts]
        spec = space.network(options)
        for _, block, shape in spec.placed():
            assert isinstance(block, Skip) or (block, shape) in listed


def test_a_wrong_number_of_options_is_refused() -> None:
    with pytest.raises(ValueError, match="21 decisions, got 3"):
        named_space("imagenet-mobile").network([0, 0, 0])


def test_an_unknown_space_is_an_error_that_names_the_nearest() -> None:
    with pytest.raises(ValueError, match="did you mean fashion"):
        named_space("fashon")


def test_the_hand_made_network_expands_by_six_and_skips_nothing() -> None:
    spec = hand_made("fashion")
    searched = named_space("fashion")
    assert len(spec.blocks) == len(searched.edges)
    assert all(block in searched.edges[i].examples() for i, block in enumerate(spec.blocks))


def test_rounding_never_loses_more_than_a_tenth() -> None:
    for channels in range(8, 500):
        rounded = round_channels(channels)
        assert rounded % 8 == 0
        assert rounded >= 0.9 * channels


def test_the_tree_space_holds_the_published_network_but_for_its_widths() -> None:
    space, published = named_space("cifar-tree"), load_spec("proxyless_cifar")
    assert len(space.counts) == 648 and set(space.counts) == {7}
    letters = "".join("".join(block.edges) for block in published.blocks)  # type: ignore[union-attr]
    found = space.network(["357DMAI".index(letter) for letter in letters])
    assert found.stem == published.stem and found.classifier == published.classifier
    for mine, theirs in zip(found.blocks, published.blocks, strict=True):
        assert isinstance(mine, Tree) and isinstance(theirs, Tree)
        assert mine.edges == theirs.edges and mine.stride == theirs.stride
        assert abs(mine.out - theirs.out) <= 8
    assert found.blocks[-1].out == 400  # type: ignore[union-attr]


@pytest.mark.parametrize("name", TREES)
def test_every_operation_of_a_tree_is_listed(name: str) -> None:
    space = named_space(name)
    listed = {(block, shape) for block, shape in space.blocks() if isinstance(block, Tree)}
    assert {letter for block, _ in listed for pair in block.edges for letter in pair} == set(
        "357DMAI"
    )
    assert len({shape for _, shape in listed}) <= len(space.edges)


YAML = """
input: [3, 48, 48]
classes: 5
stem: 8
first: 8
stages:
  - {width: 16, edges: 2, stride: 2}
  - {width: 24, edges: 3, stride: 2, kernels: [5], expansions: [1, 2.5, 4], skip: false}
mix: 0
kernels: [3, 7]
"""


def test_a_space_can_be_written_down(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(YAML)
    space = named_space(str(path))
    assert space.counts == (4, 5, 3, 3, 3)
    assert space.input == Shape(3, 48, 48) and space.mix is None
    blocks = space.edges[4].examples()
    assert [block.mid for block in blocks if isinstance(block, MBConv)] == [None, 60, 96]
    narrow = named_space(f"{path}-w0.5-r32")
    assert narrow.input == Shape(3, 32, 32) and narrow.stem.out == 8
    assert hand_made(str(path)).blocks[1] == MBConv(16, 48, 3, 2)


@pytest.mark.parametrize(
    ("wrong", "right", "complaint"),
    [
        ("stages:", "stage:", "did you mean stages"),
        ("edges: 2", "edges: 0", r"stages\.0\.edges"),
        ("kernels: [3, 7]", "kernels: [3, 4]", "kernel 4 is even"),
        ("classes: 5", "classes: many", r"mine\.yaml:\d+: classes: Expected `int`"),
        ("mix: 0", "mix: [", r"mine\.yaml:\d+: no YAML: while parsing"),
        ("[1, 2.5, 4]", "[2, 2.01]", "the same candidate twice"),
    ],
)
def test_a_mistake_in_a_written_space_is_named(
    wrong: str, right: str, complaint: str, tmp_path: Path
) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(YAML.replace(wrong, right))
    with pytest.raises(ValueError, match=complaint) as caught:
        named_space(str(path))
    assert "mine.yaml" in str(caught.value) or "edge" in str(caught.value)
