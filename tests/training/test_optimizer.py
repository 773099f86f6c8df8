"""Which parameters decay, and which the optimizer leaves alone."""

import pytest
import torch

from proxyless_nas import hand_made, load_spec
from training.optimizer import Exempt, sgd


def after_a_step_without_gradient(exempt: tuple[Exempt, ...]) -> dict[str, torch.Tensor]:
    network = load_spec("mobilenet_v2-w0.35").build(0)
    for p in network.parameters():
        p.data.fill_(1.0)
        p.grad = torch.zeros_like(p)
    sgd(network, lr=0.1, momentum=0.0, weight_decay=0.5, exempt=exempt).step()
    return {name: p.detach() for name, p in network.named_parameters()}


@pytest.mark.parametrize(
    ("exempt", "spared", "decayed"),
    [
        ((), (), ("blocks.1.depthwise.conv.weight", "stem.bn.bias", "classifier.linear.bias")),
        (("norm",), ("stem.bn.weight", "stem.bn.bias"), ("classifier.linear.bias",)),
        (("bias",), ("classifier.linear.bias",), ("stem.bn.bias", "stem.conv.weight")),
        (("depthwise",), ("blocks.1.depthwise.conv.weight",), ("stem.conv.weight",)),
        (
            ("norm", "bias", "depthwise"),
            ("stem.bn.weight", "classifier.linear.bias", "blocks.1.depthwise.conv.weight"),
            ("stem.conv.weight", "classifier.linear.weight"),
        ),
    ],
)
def test_only_what_is_exempt_does_not_decay(exempt, spared, decayed) -> None:
    after = after_a_step_without_gradient(exempt)
    assert all(torch.all(after[name] == 1.0) for name in spared)
    assert all(torch.allclose(after[name], torch.tensor(0.95)) for name in decayed)


def test_a_parameter_without_gradient_does_not_decay() -> None:
    network = hand_made("smoke").build(0)
    before = [p.clone() for p in network.parameters()]
    sgd(network, lr=0.1, momentum=0.9, weight_decay=0.5).step()
    assert all(torch.equal(a, b) for a, b in zip(before, network.parameters(), strict=True))


def test_every_parameter_is_in_one_group() -> None:
    network = load_spec("resnet20_cifar").build(0)
    groups = sgd(network, 0.1, 0.9, 1e-4, ("norm",)).param_groups
    held = [id(p) for group in groups for p in group["params"]]
    assert sorted(held) == sorted(id(p) for p in network.parameters())
