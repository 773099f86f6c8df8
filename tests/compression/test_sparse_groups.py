"""Group sparsity: sizes are those of what would leave, and the weakest channel is pressed most."""

from copy import deepcopy

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from compression.channels.cut import masked
from compression.channels.groups import find_channels
from compression.quantizers.place import Asked, quantize
from compression.quantizers.weights import RangeWeights
from compression.schedule import When
from compression.steps import SparseGroupsStep
from compression.steps.sparse_groups import _Shrinking
from proxyless_nas.layer import Shape
from tests.compression.channels.networks import NETWORKS, settle
from tests.training.learning import short_plan
from training.companion import nothing_seen

CASES = ("plain", "squeeze and excitation", "concatenation", "shortcut of option A", "chunk")


def squares(network: nn.Module) -> float:
    """Of all weights of convolutions and linear layers, and of scales of norms."""
    kinds = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear, nn.BatchNorm2d)
    parts = [part for part in network.modules() if isinstance(part, kinds)]
    return float(sum(part.weight.detach().double().square().sum() for part in parts))


def begun(
    name: str, bits: int | None = None, **how: object
) -> tuple[nn.Module, _Shrinking, Tensor]:
    source, size, _ = NETWORKS[name]
    network, shape = settle(deepcopy(source)), Shape(*size[1:])
    if bits is not None:
        quantize(network, {"0": Asked(weights=RangeWeights(bits=bits))})
    step = SparseGroupsStep(strength=0.1, **how)  # pyright: ignore[reportArgumentType]
    found = step.begin(network, shape, short_plan(2, 8), nothing_seen)
    assert isinstance(found, _Shrinking)
    return network, found, torch.randn(size)


def penalty(of: _Shrinking) -> Tensor | None:
    return of.penalty(torch.empty(0), torch.empty(0), lambda logits: logits)


@pytest.mark.parametrize("name", CASES)
def test_the_size_of_a_channel_is_that_of_what_would_leave_with_it(name: str) -> None:
    network, shrinking, x = begun(name)
    channels = find_channels(network, x)
    groups = channels.made_by([g for one in channels.groups for g in one.makers]).groups
    for group, sizes in zip(groups, shrinking.sizes(), strict=True):
        for channel in {0, group.width - 1}:
            less = masked(network, channels, {group.name: [channel]})
            gone = squares(network) - squares(less)
            assert float(sizes[channel].detach()) == pytest.approx(gone, rel=1e-4)


@pytest.mark.parametrize("power", [0.0, 4.0])
def test_slopes_are_those_of_the_formula(power: float) -> None:
    network, shrinking, _ = begun("plain", power=power)
    shrinking.before(0)
    size = shrinking.sizes()[0].detach().numpy().astype(float)
    times = 2 ** (power * (size.max() - size) / (size.max() - size.min()))
    assert times.max() == pytest.approx(2**power) and times.min() == pytest.approx(1)
    total = penalty(shrinking)
    assert total is not None
    total.backward()
    first = network.get_submodule("0").weight  # its inputs are the image's, in no group
    assert isinstance(first, nn.Parameter) and first.grad is not None
    expected = 0.1 * torch.from_numpy(times)[:, None, None, None] * first.detach()
    torch.testing.assert_close(first.grad.double(), expected.double(), rtol=1e-4, atol=1e-6)


def test_it_works_while_it_should_and_mistakes_are_told() -> None:
    _, shrinking, _ = begun("plain", when=When(begin=1, end=2))
    seen = []
    for step in range(8):
        shrinking.before(step)
        seen.append(penalty(shrinking) is not None)
    assert seen == [False, False, True, True, False, False, False, False]
    with pytest.raises(ValueError, match="strongest"):
        SparseGroupsStep(strength=1.0, power=-1)
    with pytest.raises(ValueError, match="quantizes the network: name this one first"):
        begun("plain", bits=4)
    assert np.isfinite([float(one.detach().sum()) for one in shrinking.sizes()]).all()
