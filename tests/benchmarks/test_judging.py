"""The comparison of tracers believes nobody: not ours either."""

from functools import partial

import pytest
import torch

from benchmarks.versus.judging import Cut, Refused, tried
from benchmarks.versus.our_tracer import cut_randomly
from compression.channels.cut import removed
from compression.channels.groups import find_channels
from tests.compression.channels.networks import NETWORKS, settle


def case(name: str) -> tuple[torch.nn.Module, torch.Tensor]:
    network, shape, _ = NETWORKS[name]
    return settle(network), torch.randn(shape, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("name", ["plain", "channel shuffle", "shortcut of option A", "chunk"])
def test_a_right_cut_is_right(name: str) -> None:
    network, x = case(name)
    trial = tried(network, x, partial(cut_randomly, network, x, 1 / 3, 0))
    assert trial.verdict == "right" and trial.left < 1


def test_a_cut_of_other_channels_than_it_names_is_silently_wrong() -> None:
    network, x = case("plain")
    narrow = removed(network, find_channels(network, x), {"0": [1]}, x)
    weight, shift = ("0.weight", 0, [2]), ("1.bias", 0, [2])
    wrong = tried(network, x, lambda: Cut(narrow, 1, [weight, ("0.bias", 0, [2]), shift]))
    assert wrong.verdict == "silently wrong"
    assert wrong.difference is not None and wrong.difference > 1e-3


def test_a_channel_that_keeps_its_shift_is_silently_wrong() -> None:
    network, x = case("plain")
    narrow = removed(network, find_channels(network, x), {"0": [1]}, x)
    places = [("0.weight", 0, [1]), ("0.bias", 0, [1]), ("1.weight", 0, [1])]
    assert tried(network, x, lambda: Cut(narrow, 1, places)).verdict == "silently wrong"
    shift = ("1.bias", 0, [1])
    assert tried(network, x, lambda: Cut(narrow, 1, [*places, shift])).verdict == "right"


def test_what_cuts_nothing_refuses_and_an_error_is_a_crash_with_its_words() -> None:
    network, x = case("view by numbers in the code")
    assert tried(network, x, partial(cut_randomly, network, x, 1 / 3, 0)).verdict == "refused"

    def refuse() -> Cut:
        raise Refused("no")

    def crash() -> Cut:
        raise IndexError("too far")

    assert tried(network, x, refuse).told == "no"
    trial = tried(network, x, crash)
    assert (trial.verdict, trial.told) == ("crashes", "IndexError: too far")
