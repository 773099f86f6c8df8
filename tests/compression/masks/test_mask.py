"""Laws of masks: what is masked stays zero, whatever learns; what is below stays or moves."""

from copy import deepcopy

import pytest
import torch
from torch import nn

from compression.masks import (
    Blocks,
    Level,
    Surgery,
    Threshold,
    bake,
    mask_on,
    masks_of,
    plain_copy,
    refresh,
)


def learn(network: nn.Module, x: torch.Tensor, steps: int = 5) -> None:
    optimizer = torch.optim.SGD(network.parameters(), 0.1, momentum=0.9, weight_decay=1e-2)
    for _ in range(steps):
        optimizer.zero_grad()
        output = network(x)
        (output[0] if isinstance(output, tuple) else output).square().mean().backward()
        optimizer.step()


def small() -> tuple[nn.Sequential, nn.Linear, torch.Tensor]:
    """A network, its first layer, and an input."""
    torch.manual_seed(0)
    first = nn.Linear(6, 8)
    return nn.Sequential(first, nn.Tanh(), nn.Linear(8, 3)), first, torch.randn(5, 6)


def below(layer: nn.Module) -> torch.Tensor:
    """The dense weights of a masked layer."""
    return dict(layer.named_parameters())["parametrizations.weight.original"]


def test_momentum_revives_nothing_and_the_rest_learns() -> None:
    network, first, x = small()
    learn(network, x, 2)
    mask = refresh(first, "weight", Level(share=0.5))
    before = first.weight.detach().clone()
    learn(network, x)
    weight = first.weight.detach()
    assert int((weight == 0).sum()) == 24 == int((~mask.kept).sum())
    assert (weight[mask.kept] != before[mask.kept]).all()


def test_surgery_moves_what_is_masked_and_lets_it_come_back() -> None:
    network, first, x = small()
    refresh(first, "weight", Level(share=0.2))  # what comes before does not forbid to come back
    mask = refresh(first, "weight", Surgery(alpha=1.0))
    gone = ~mask.kept
    dense = below(first)
    before = dense.detach().clone()
    learn(network, x)
    assert (dense[gone] != before[gone]).all() and (first.weight[gone] == 0).all()
    with torch.no_grad():
        dense[gone] *= 100
    refresh(first, "weight", Surgery(alpha=1.0))
    assert mask.kept[gone].any()


def test_what_is_baked_is_a_plain_module_that_answers_the_same() -> None:
    network, first, x = small()
    plain = set(network.state_dict())
    for layer in (first, network[2]):
        refresh(layer, "weight", Level(share=0.3))
    assert set(masks_of(network)) == {"0.weight", "2.weight"}
    expected = network(x)
    bake(network)
    assert torch.equal(network(x), expected)
    assert set(network.state_dict()) == plain and not masks_of(network)
    assert type(first) is nn.Linear
    assert int(first.weight.count_nonzero()) == 48 - int(0.3 * 48)


def test_masks_live_in_the_state_of_the_module() -> None:
    (one, first, x), (other, second, _) = small(), small()
    for layer in (first, second):
        mask_on(layer, "weight")
    refresh(first, "weight", Threshold(value=0.2))
    other.load_state_dict(one.state_dict())
    assert torch.equal(one(x), other(x))
    assert torch.equal(masks_of(one)["0.weight"].kept, masks_of(other)["0.weight"].kept)


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU])
def test_recurrent_weights_are_masked_too(kind: type[nn.LSTM] | type[nn.GRU]) -> None:
    torch.manual_seed(0)
    network, x = kind(4, 5, num_layers=2, bidirectional=True), torch.randn(3, 2, 4)
    names = [name for name, _ in network.named_parameters() if name.startswith("weight")]
    dense = {name: getattr(network, name).detach().clone() for name in names}
    for name in names:
        refresh(network, name, Level(share=0.5))
    expected = kind(4, 5, num_layers=2, bidirectional=True)
    expected.load_state_dict(
        {key.replace("parametrizations.", "").replace(".original", ""): value
         for key, value in network.state_dict().items() if not key.endswith("kept")}
    )  # fmt: skip
    with torch.no_grad():
        for name in names:
            weight = getattr(expected, name)
            assert torch.equal(weight, dense[name])
            weight *= Level(share=0.5).mask(weight, torch.ones_like(weight, dtype=torch.bool))
    assert torch.equal(network(x)[0], expected(x)[0])
    learn(network, x)
    for name in names:
        weight = getattr(network, name)
        assert int((weight == 0).sum()) == int(0.5 * weight.numel())
    learned = network(x)[0]
    bake(network)
    assert torch.equal(network(x)[0], learned)
    assert [name for name, _ in network.named_parameters() if name.startswith("weight")] == names


def test_a_masked_network_can_be_exported() -> None:
    network, first, x = small()
    refresh(first, "weight", Level(share=0.5))
    program = torch.export.export(network, (x,))
    torch.testing.assert_close(program.module()(x), network(x))


def test_a_copy_is_baked_and_the_original_keeps_its_masks() -> None:
    network, first, x = small()
    refresh(first, "weight", Level(share=0.5))
    copy = deepcopy(network)
    bake(copy)
    torch.testing.assert_close(copy(x), network(x))
    assert not masks_of(copy) and set(masks_of(network)) == {"0.weight"}
    again = deepcopy(network)
    bake(network)
    torch.testing.assert_close(again(x), network(x))


def test_a_share_is_one_of_what_another_owner_has_left() -> None:
    _, first, _ = small()
    mask_on(first, "weight", "channels").kept[:, :2] = False
    refresh(first, "weight", Level(share=0.5))
    assert int((first.weight[:, 2:] == 0).sum()) == 16 and bool((first.weight[:, :2] == 0).all())
    refresh(first, "weight", Level(share=0.25))
    assert int((first.weight[:, 2:] == 0).sum()) == 8
    refresh(first, "weight", Blocks(keep=1, block=3))
    kept = (first.weight != 0).view(8, 2, 3).sum(dim=2)
    assert kept.tolist() == [[1, 1]] * 8


def test_a_masked_lstm_is_copied_behind_a_step() -> None:
    lstm = nn.LSTM(3, 4)
    refresh(lstm, "weight_hh_l0", Level(share=0.5))
    x = torch.randn(5, 2, 3)
    learn(lstm, x, 1)
    copy = plain_copy(lstm)
    assert not masks_of(copy) and set(copy.state_dict()) == set(nn.LSTM(3, 4).state_dict())
    torch.testing.assert_close(copy(x)[0], lstm(x)[0])
