"""What an agent of PocketFlow's looks for is a goal here that can be met, and no looser one."""

import re
from collections.abc import Mapping
from functools import cache

import pytest

from compression.channels.groups import Channels
from compression.quantizers.fold import folded
from compression.quantizers.place import quantizable
from compression.readers import pocketflow
from compression.widths import Sizes
from proxyless_nas.subject import open_subject
from search.auto.config import AutoConfig
from search.auto.costs import Cost, Limits, counted
from search.auto.goal import Metric, read_goal
from search.auto.searching import must_be_possible
from search.problems.compressed import Compressed, Compression
from tests.compression.readers.pocketflow.commands import FILE, command

LEARNERS = {"uql": "uniform", "nuql": "non-uniform"}
NAMES = ["resnet20_cifar", "mobilenet_v2"]
BITS = [1, 2, 3, 4, 7, 8]
CLOSE = 0.003
"""A share is told with four digits behind the point."""


@cache
def counted_of(name: str) -> tuple[list[str], Mapping[Metric, Cost]]:
    """The layers of a network, and what `auto` says that it costs."""
    subject = open_subject(name, side=32)
    lone = folded(subject.build(seed=0), subject.input)
    layers = quantizable(lone, subject.input)
    sizes = Sizes(lone, Channels((), {}), subject.input, {})
    return layers, counted(sizes, {layer: f"{layer}.weight" for layer in layers})


def words_of(name: str, prefix: str, flags: str) -> str:
    """What is told of an agent's flag."""
    text = command(LEARNERS[prefix], f"--{prefix}_enbl_rl_agent {flags}")
    notes = pocketflow.read(text, FILE, open_subject(name, side=32), 0).notes
    (words,) = (note.words for note in notes if "enbl_rl_agent" in note.what)
    return words


def asked_by(words: str, name: str) -> tuple[Limits, Compression]:
    """The goal of the command in a note, and what that command may do."""
    layers, costs = counted_of(name)
    goal, bits = (re.search(flag, words) for flag in ('--goal "(.+?)"', r"--weight-bits([ \d]+)"))
    assert goal is not None
    config = AutoConfig(arch=name, out="", goal=goal[1], methods=("bits",))
    known = config.weight_bits if bits is None else tuple(map(int, bits[1].split()))
    return Limits.of(read_goal(goal[1]), costs, Compressed()), Compression({}, layers, (32, *known))


@pytest.mark.parametrize("prefix", LEARNERS)
@pytest.mark.parametrize("everywhere", [True, False])
@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("name", NAMES)
def test_the_goal_is_what_so_many_bits_store(
    name: str, bits: int, everywhere: bool, prefix: str
) -> None:
    flags = f"--{prefix}_equivalent_bits {bits}"
    if everywhere:
        flags += f" --{prefix}_quantize_all_layers"
    words = words_of(name, prefix, flags)
    limits, problem = asked_by(words, name)
    must_be_possible(limits, [problem])
    layers, _ = counted_of(name)
    inner = layers if everywhere else layers[1:-1]
    assert 1 - CLOSE < limits.excess(Compressed(bits=dict.fromkeys(inner, bits))) <= 1
    assert "bytes of all that is stored" in words
    assert ("but for the first and the last" in words) is not everywhere


def test_float_is_all_of_the_bytes() -> None:
    words = words_of("resnet20_cifar", "nuql", "--nuql_equivalent_bits 32")
    limits, problem = asked_by(words, "resnet20_cifar")
    must_be_possible(limits, [problem])
    assert limits.excess(Compressed()) == 1
