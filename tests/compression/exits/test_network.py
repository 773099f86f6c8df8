"""Exits: nobody's answer changes, whoever leaves, and who has left costs nothing more."""

from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn

from compression.exits import Confidence, Entropy, Exit, Leaving, add_exits
from compression.exits.heads import Head
from proxyless_nas.layer import Shape
from tests.compression.channels.networks import Forward, conv
from tests.compression.exits.networks import OnlyEval, between, cases, counted, images, places

pytestmark = pytest.mark.slow

NAMES = list(cases())


@pytest.mark.parametrize("name", NAMES)
def test_all_answers_in_one_pass_are_the_networks_and_its_heads(name: str) -> None:
    network, shape, at = cases()[name]
    x, seen = images(shape), []
    for one in at:
        part = network.get_submodule(one.behind)
        part.register_forward_hook(lambda _, inputs, output: seen.append(output.clone()))
    with torch.no_grad():
        expected = network(x)
        del seen[len(at) :]
        *early, final = add_exits(deepcopy(network), shape, at).eval()(x)
        heads = add_exits(network, shape, at).eval().exits
        torch.testing.assert_close(final, expected, rtol=1e-6, atol=1e-6)
        for said, head, features in zip(early, heads, seen, strict=False):
            torch.testing.assert_close(said, head(features), rtol=1e-6, atol=1e-6)
    assert len(early) == len(at)


@pytest.mark.parametrize("name", NAMES)
def test_where_nobody_leaves_the_answer_is_the_networks_and_no_head_is_asked(name: str) -> None:
    network, shape, at = cases()[name]
    x = images(shape)
    with torch.no_grad():
        expected = network(x)
    parted = add_exits(network, shape, at).eval()
    for thresholds, asked in ((None, 0), (1.1, len(x))):
        leaving = Leaving(thresholds=(thresholds,) * len(at))
        with counted(*parted.exits) as counts:
            answers = parted.answers(x, leaving)
        torch.testing.assert_close(answers.logits, expected, rtol=1e-6, atol=1e-6)
        assert answers.exit.tolist() == [len(at)] * len(x)
        assert counts == [asked] * len(at)


@pytest.mark.parametrize("name", NAMES)
def test_where_everybody_leaves_at_the_first_only_its_stage_is_computed(name: str) -> None:
    network, shape, at = cases()[name]
    parted, x = add_exits(network, shape, at).eval(), images(shape)
    for rule, threshold in ((Confidence(), 0.0), (Entropy(), 100.0)):
        leaving = Leaving(thresholds=(threshold,) * len(at), rule=rule)
        with counted(*parted.stages, *parted.exits) as counts:
            answers = parted.answers(x, leaving)
        rest = [0] * (len(at) - 1)
        assert counts == [len(x), *rest, 0, len(x), *rest]
        assert answers.exit.tolist() == [0] * len(x)
        with torch.no_grad():
            torch.testing.assert_close(answers.logits, parted(x)[0])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("rule", [Confidence(), Entropy()])
def test_each_image_leaves_at_its_first_sure_exit_alone_or_in_a_batch(
    name: str, rule: Confidence | Entropy
) -> None:
    network, shape, at = cases()[name]
    parted, x = add_exits(network, shape, at).eval(), images(shape, 13)
    with torch.no_grad():
        said = parted(x)
    values = [rule.value(one) for one in said[:-1]]
    thresholds = tuple(between(one) for one in values)
    leaving = Leaving(thresholds=thresholds, rule=rule)
    expected = [
        next((n for n, t in enumerate(thresholds) if rule.sign * (values[n][i] - t) >= 0), len(at))
        for i in range(13)
    ]
    assert len(set(expected)) > 1
    with counted(*parted.stages, *parted.exits) as counts:
        together = parted.answers(x, leaving)
    inside = [sum(one >= stage for one in expected) for stage in range(len(at) + 1)]
    assert counts == [*inside, *inside[:-1]]
    assert together.exit.tolist() == expected
    own = torch.stack([said[exit][i] for i, exit in enumerate(expected)])
    torch.testing.assert_close(together.logits, own, rtol=1e-5, atol=1e-6)
    alone = [parted.answers(one, leaving) for one in x.split(1)]
    assert [int(one.exit) for one in alone] == expected
    torch.testing.assert_close(torch.cat([a.logits for a in alone]), own, rtol=1e-5, atol=1e-6)


def test_parts_are_taken_over_and_learn_from_every_exit() -> None:
    network, shape, at = cases()["code that is not traced"]
    first, last = network.get_parameter("0.weight"), network.get_parameter("6.weight")
    parted = add_exits(network, shape, at)
    assert {id(first), id(last)} <= {id(one) for one in parted.parameters()}
    parted.train()(images(shape))[0].sum().backward()
    assert first.grad is not None and first.grad.abs().sum() > 0 and last.grad is None
    doubled = network.train()(images(shape))  # what is not looked into trains as it did
    torch.testing.assert_close(parted.train()(images(shape))[-1], doubled)
    with pytest.raises(ValueError, match=r"call eval\(\) first"):
        parted.answers(images(shape), Leaving(thresholds=(0.5, 0.5, 0.5)))
    with pytest.raises(ValueError, match="1 thresholds do not fit 3 exits"):
        parted.eval().answers(images(shape), Leaving(thresholds=(0.5,)))


def test_a_copy_stands_alone() -> None:
    network, shape, at = cases()["inside a residual"]
    parted = add_exits(network, shape, at).eval()
    other, x = deepcopy(parted), images(shape)
    with torch.no_grad():
        before = parted(x)
        for one in other.parameters():
            one.mul_(1.5)
        torch.testing.assert_close(parted(x), before)
        assert not torch.allclose(other(x)[-1], before[-1])


def test_heads_are_drawn_from_the_seed_alone() -> None:
    def weight(seed: int) -> Tensor:
        network, shape, at = cases()["a network of ours"]
        torch.rand(seed + 1)
        return next(add_exits(network, shape, at, seed // 2).exits.parameters()).detach()

    assert torch.equal(weight(0), weight(1)) and not torch.equal(weight(0), weight(2))


def test_a_head_averages_over_space_behind_its_convolution() -> None:
    head = Head(Shape(3, 4, 6), 5, 7).eval()
    x = torch.randn(2, 3, 4, 6)
    assert [name for name, _ in head.named_children()] == ["conv", "classifier"]
    linear = head.get_submodule("classifier.linear")
    expected = linear(head.get_submodule("conv")(x).mean((2, 3)))
    torch.testing.assert_close(head(x), expected)
    assert Head(Shape(3, 4, 6), 5, None)(x).shape == (2, 5)


def _batch_size_from_before(s: nn.Module, x: Tensor) -> Tensor:
    count = x.shape[0]
    return s.get_submodule("head")(s.get_submodule("a")(x).view(count, -1))


def _among_others(s: nn.Module, x: Tensor) -> Tensor:
    a = s.get_submodule("a")(x)
    return s.get_submodule("head")((a - a.mean(0, keepdim=True)).flatten(1))


def _by_data(s: nn.Module, x: Tensor) -> Tensor:
    a = s.get_submodule("a")(x)
    return s.get_submodule("head")(a.flatten(1) if a.sum() > 0 else -a.flatten(1))


def _twice(s: nn.Module, x: Tensor) -> Tensor:
    a = s.get_submodule("a")
    return s.get_submodule("head")(a(a(x)).flatten(1))


def _network(forward) -> nn.Module:
    return Forward(forward, a=conv(3, 3), head=nn.Linear(192, 4)).eval()


def _usual() -> nn.Module:
    return nn.Sequential(conv(3, 3), nn.Sequential(conv(3, 3), OnlyEval()), nn.Flatten(),
                         nn.Linear(192, 4)).eval()  # fmt: skip


@pytest.mark.parametrize(
    "network, names, message",
    [
        (_usual(), (), "no exits"),
        (_usual(), ("0", "0"), "two exits stand behind 0"),
        (_usual(), ("1.0", "1"), r"1\.0 is a part of 1"),
        (_usual(), ("1.2",), r"no part of the network is named '1\.2' \(did you mean 1"),
        (_usual(), ("",), "no part of the network is named ''"),
        (_usual(), ("2",), r"needs \[B, C, H, W\], but 2 gives \(2, 192\)"),
        (_usual(), ("1", "0"), "images pass 0, 1 in this order"),
        (nn.Sequential(conv(3, 3)), ("0",), r"does not answer with \[B, classes\]"),
        (_network(_twice), ("a",), "a is called 2 times"),
        (_network(_by_data), ("a",), "cannot be traced"),
        (_network(_batch_size_from_before), ("a",), "images cannot leave on the way"),
        (_network(_among_others), ("a",), "must not depend on the others"),
    ],
)
def test_what_cannot_have_exits_is_told(
    network: nn.Module, names: tuple[str, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        add_exits(network, Shape(3, 8, 8), places(*names))
    with pytest.raises(ValueError, match="cannot have 0 channels"):
        Exit(behind="0", width=0)
