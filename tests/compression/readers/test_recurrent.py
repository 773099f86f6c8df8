"""Baidu's pruner on one tensor of an LSTM, in a network of the user's own."""

import torch
from torch import Tensor, nn

from compression.readers import distiller
from compression.steps import MaskStep
from proxyless_nas.layer import Shape
from proxyless_nas.subject import open_subject
from tests.training.learning import short_plan

SOURCE = f"{__name__}:make"
TEXT = """
pruners:
  one: {class: BaiduRNNPruner, q: 0.3, ramp_epoch_offset: 1, ramp_slope_mult: 2,
        weights: [module.rnn.weight_hh_l0]}
policies:
  - {pruner: {instance_name: one}, starting_epoch: 0, ending_epoch: 4, frequency: 2}
"""


class Rows(nn.Module):
    """[B, 3, 8, 8] -> [B, 5], row by row."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)
        self.rnn = nn.LSTM(32, 16, batch_first=True)
        self.head = nn.Linear(16, 5)

    def forward(self, x: Tensor) -> Tensor:
        rows = self.conv(x).permute(0, 2, 1, 3).flatten(2)
        return self.head(self.rnn(rows)[0][:, -1])


def make() -> nn.Module:
    return Rows()


def test_a_threshold_grows_for_one_tensor_of_a_recurrent_layer() -> None:
    found = distiller.read(TEXT, "file", open_subject(SOURCE, side=8, classes=5), 0).recipe
    assert found is not None
    (step,) = found.steps
    assert isinstance(step, MaskStep) and step.where.tensor == "weight_hh_l0"
    theta = 2 * 0.3 * 2 / (2 * 1 + 3 * 3)  # by epochs 0 and 2, of Distiller's formula for every 2
    expected = [theta / 2, (theta * 2 + 2 * theta * 2) / 2]
    assert step.method["value"]["to"] == expected
    torch.manual_seed(0)
    network = make()
    before = dict(network.named_parameters())["rnn.weight_hh_l0"].detach().clone()
    companion = found.accompany(network, Shape(3, 8, 8), short_plan(2, 8))
    companion.before(0)
    plain = companion.plain(network)
    weights = dict(plain.named_parameters())
    assert torch.equal(weights["rnn.weight_hh_l0"] == 0, before.abs() <= expected[0])
    assert bool((weights["rnn.weight_ih_l0"] != 0).all())
