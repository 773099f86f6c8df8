"""The step that folds batch norms before a network learns: it answers as before, then learns."""

from copy import deepcopy
from pathlib import Path

import pytest
import torch
from torch import nn

from compression.apply import write_what_is_left
from compression.quantizers.files import open_quantized
from compression.quantizers.fold import folded
from compression.quantizers.place import quantizable, quantization_of
from compression.quantizers.weights import LearnedWeights
from compression.recipe import Recipe
from compression.schedule import When
from compression.selectors import Where
from compression.steps import AnyStep, FoldStep, MaskStep, NarrowStep, QuantizeStep, TeachStep
from proxyless_nas.bits import Bits
from proxyless_nas.counting import in_eval_mode
from proxyless_nas.subject import open_subject
from proxyless_nas.weights import save_tensors
from tests.compression.channels.networks import Forward, conv, settle
from tests.compression.test_round_step import HALF, SECOND, SHAPE, batch, learned, resnet
from training.batch_norm import batch_norms


def test_it_answers_as_before_and_learns_what_the_folded_network_learns() -> None:
    network = resnet()
    x, y = batch(0)
    with in_eval_mode(network), torch.no_grad():
        before = network(x)
    plain = folded(network, SHAPE)
    learner = learned(network, FoldStep(), epochs=0)
    assert not batch_norms(network)
    with in_eval_mode(network), torch.no_grad():
        torch.testing.assert_close(network(x), before, rtol=1e-4, atol=1e-4)
    learner.step(0, [(x, y)])
    expected = learned(plain, epochs=0)
    expected.step(0, [(x, y)])
    torch.testing.assert_close(network.state_dict(), plain.state_dict(), rtol=0, atol=0)


def test_narrow_zeros_and_bits_learn_together_and_open_again(tmp_path: Path) -> None:
    """What is stored is what learned: few levels in each row, zeros where the mask has them."""
    subject, network = open_subject("resnet20_cifar"), resnet()
    bits = {name: Bits(32, 32) for name in quantizable(network, SHAPE)}
    bits |= {"stem.conv": Bits(8, 32), SECOND: Bits(3, 32)}
    steps: tuple[AnyStep, ...] = (
        TeachStep(),
        NarrowStep(keep={"blocks.0.first.conv": 9}),
        FoldStep(),
        MaskStep(method=HALF, where=Where(name=(SECOND,)), when=When(times=(0,))),
        QuantizeStep(weights=LearnedWeights(), policy=bits),
    )
    left = learned(network, *steps).plain()
    save_tensors(tmp_path / "weights.pt", left.state_dict())
    write_what_is_left(subject, left, tmp_path)
    opened, _ = open_quantized(tmp_path / "quantized.json")
    assert set(quantization_of(opened).layers) == {"stem.conv", SECOND}
    weight = opened.get_submodule(SECOND).weight
    assert isinstance(weight, torch.Tensor)
    assert (weight == 0).float().mean() >= 0.5
    assert all(len(row.unique()) <= 8 for row in weight.detach())
    x = batch(5)[0]
    torch.testing.assert_close(opened.eval()(x), left.eval()(x), rtol=1e-4, atol=1e-4)


def test_what_cannot_be_folded_is_told() -> None:
    shared = Forward(
        lambda s, x: (lambda y: s.bn(y) + y)(s.a(x)), a=conv(3, 3), bn=settle(nn.BatchNorm2d(3))
    )
    with pytest.raises(ValueError, match="something else also takes"):
        learned(deepcopy(shared), FoldStep(), epochs=0)
    with pytest.raises(ValueError, match="no batch norm stands behind a layer"):
        learned(nn.Sequential(conv(3, 4)), FoldStep(), epochs=0)
    with pytest.raises(ValueError, match="fold replaces layers that mask works on"):
        Recipe((MaskStep(method=HALF), FoldStep()))
    with pytest.raises(ValueError, match="leave its `when` out"):
        FoldStep(when=When(begin=1))
