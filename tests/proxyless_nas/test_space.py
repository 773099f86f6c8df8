"""Laws of spaces: the published numbers, and every choice is a network."""

import random

import pytest

from proxyless_nas import Skip, hand_made, named_space
from proxyless_nas.spaces import LAYOUTS, round_channels


def test_the_mobile_space_has_the_published_size() -> None:
    space = named_space("imagenet-mobile")
    counts = [len(space.edges[edge].candidates) for edge in space.searched]
    assert (len(space.edges), len(counts), sum(counts)) == (22, 21, 141)
    assert counts == [6, 7, 7, 7] * 5 + [6]
    assert space.size == 6**6 * 7**15


def test_the_mobile_space_holds_the_published_number_of_weights() -> None:
    space = named_space("imagenet-mobile")
    edges = sum(
        layer.parameters
        for edge, shape in space.placed()
        for candidate in edge.candidates
        for layer in candidate.layers("", shape)
    )
    fixed = space.network([0] * 21)
    outside = sum(
        layer.parameters for layer in fixed.layers() if not layer.name.startswith("blocks.")
    )
    assert edges + outside == 16_034_168


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_choice_is_a_network_made_of_listed_blocks(name: str) -> None:
    space = named_space(name)
    listed = set(space.blocks())
    generator = random.Random(0)
    for _ in range(20):
        options = [
            generator.randrange(len(space.edges[edge].candidates)) for edge in space.searched
        ]
        spec = space.network(options)
        for _, block, shape in spec.placed():
            assert isinstance(block, Skip) or (block, shape) in listed


def test_a_wrong_number_of_options_is_refused() -> None:
    with pytest.raises(ValueError, match="21 searched edges, got 3"):
        named_space("imagenet-mobile").network([0, 0, 0])


def test_an_unknown_space_is_an_error_that_names_the_nearest() -> None:
    with pytest.raises(ValueError, match="did you mean fashion"):
        named_space("fashon")


def test_the_hand_made_network_expands_by_six_and_skips_nothing() -> None:
    spec = hand_made("fashion")
    searched = named_space("fashion")
    assert len(spec.blocks) == len(searched.edges)
    assert all(block in searched.edges[i].candidates for i, block in enumerate(spec.blocks))


def test_rounding_never_loses_more_than_a_tenth() -> None:
    for channels in range(8, 500):
        rounded = round_channels(channels)
        assert rounded % 8 == 0
        assert rounded >= 0.9 * channels
