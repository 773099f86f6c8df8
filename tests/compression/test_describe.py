"""A network of ours that has lost channels is described again, and its description is right."""

from pathlib import Path

import pytest
import torch
from torch import nn

from compression.apply import write_what_is_left
from compression.channels.cut import removed
from compression.channels.groups import find_channels
from compression.describe import described
from compression.importance import Random
from compression.widths import chosen_of, ranked
from proxyless_nas import hand_made, macs_of, parameters_of
from proxyless_nas.counting import in_eval_mode
from proxyless_nas.network import NetworkSpec
from proxyless_nas.published import published_spec
from proxyless_nas.subject import open_subject
from tests.compression.channels.networks import settle
from tests.proxyless_nas.test_network import SPECS

pytestmark = pytest.mark.slow
NAMES = ("resnet20_cifar", "mobilenet_v1-w0.25", "mobilenet_v2-w0.35")
CASES = {name: spec for name, spec in SPECS.items() if name not in ("trees", "imagenet")}
CASES |= {name: published_spec(name) for name in NAMES}


def cut(spec: NetworkSpec, seed: int = 0) -> tuple[nn.Module, torch.Tensor]:
    """The network without a third of the channels of every group, and an input."""
    network = spec.build(seed=0)
    settle(network)
    side = (spec.input.channels, spec.input.height, spec.input.width)
    x = torch.randn(2, *side, generator=torch.Generator().manual_seed(seed))
    channels = find_channels(network, x)
    ranking = ranked(Random(seed=seed).scores(network, channels))
    gone = {group.name: group.width // 3 for group in channels.groups}
    return removed(network, channels, chosen_of(gone, ranking), x), x


@pytest.mark.parametrize("name", CASES)
def test_the_description_takes_the_weights_and_answers_the_same(name: str) -> None:
    spec = CASES[name]
    smaller, x = cut(spec)
    found = described(spec, smaller)
    assert found.macs == macs_of(smaller, spec.input) < spec.macs
    assert found.parameters == parameters_of(smaller) < spec.parameters
    again = found.build(seed=1).eval()
    again.load_state_dict(smaller.state_dict())
    torch.testing.assert_close(again(x), smaller(x))


def test_one_without_losses_is_described_as_it_was() -> None:
    spec = hand_made("smoke")
    assert described(spec, spec.build(seed=0)) == spec


def test_a_network_that_no_description_fits_is_refused() -> None:
    for name, message in (
        ("trees", r"blocks\.0 is a tree"),
        ("plain", r"no description fits .*: extra is \(3,\), not None"),
    ):
        network = SPECS[name].build(seed=0)
        assert described(SPECS[name], network) == SPECS[name]
        network.register_parameter("extra", nn.Parameter(torch.zeros(3)))
        with pytest.raises(ValueError, match=message):
            described(SPECS[name], network)


def test_a_network_in_yaml_stays_one_as_long_as_it_is_as_wide(tmp_path: Path) -> None:
    subject = open_subject("models/lenet5.yaml")
    network = subject.build(seed=0)
    weight = network.get_parameter("conv0.conv.weight")
    with torch.no_grad():
        weight[weight.abs() < weight.abs().median()] = 0.0
    write_what_is_left(subject, network, tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["network.yaml"]
    again = open_subject(str(tmp_path / "network.yaml")).build(seed=1)
    again.load_state_dict(network.state_dict())
    x = torch.randn(2, 1, 28, 28)
    with in_eval_mode(network), in_eval_mode(again):
        torch.testing.assert_close(again(x), network(x))
