"""Chains that cannot be, and places where they cannot stand: told before anything is learnt."""

from pathlib import Path
from typing import Any

import pytest
from torch import Tensor, nn

from compression.overriders import Ternary
from compression.quantizers.weights import LearnedWeights
from compression.recipe import Recipe, read_recipe
from compression.selectors import Where
from compression.steps import ChannelsStep, MaskStep, QuantizeStep
from tests.compression.channels.networks import resnet, settle
from tests.compression.overriders.trained import (
    BOTH,
    DYNAMIC,
    FIXED,
    SURGERY,
    over,
    taught,
)

CHANNELS = ChannelsStep(macs=0.9)
MASK = MaskStep(method={"by": "level", "share": 0.5}, where=BOTH)
LSQ = QuantizeStep(weights=LearnedWeights(bits=3), ends="same")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: over(()), "an empty `chain` overrides nothing"),
        (lambda: over((FIXED, DYNAMIC)), "two overriders of a chain are `fixed`"),
        (lambda: over((SURGERY,), "input"),
         "`surgery` as it is asked for is no overrider of input, but of weight, bias"),
        (lambda: over((Ternary(),), "error"), "`ternary` .* no overrider of error"),
        (lambda: over((Ternary(per="channel"),), "output"),
         "`ternary` .* of output, but of weight, bias"),
        (lambda: over((DYNAMIC,), "error"), "`fixed` over errors has no numbers to choose by"),
        (lambda: over((FIXED,), seen=0), "0 images show nothing"),
        (lambda: over((FIXED,), "bias", where=Where(role="bias")), "leave `role` out of `where`"),
        (lambda: taught(over((FIXED,)), over((SURGERY,))),
         r"step 2 .*\(override\): an earlier step overrides 0\.weight already"),
        (lambda: taught(over((FIXED,), "input"), over((FIXED,), "input")),
         r"step 2 .*the input of 0 already"),
        (lambda: taught(over((FIXED,), "error"), over((FIXED,), "error")),
         r"step 2 .*the error of 0 already"),
        (lambda: taught(over((FIXED,), where=Where(name="9"))),
         "no layer with a weight is named '9'"),
        (lambda: taught(over((FIXED,), "output", where=Where(name="9"))),
         "no part of this network is named '9'"),
        (lambda: taught(over((FIXED,)), MASK),
         r"step 2 .*\(mask\): an earlier step overrides 0\.weight"),
        (lambda: taught(over((FIXED,)), LSQ),
         r"step 2 .*\(quantize\): an earlier step overrides the weights of 0"),
        (lambda: taught(LSQ, over((FIXED,))), r"step 2 .*the weights of 0 are quantized already"),
        (lambda: taught(over((FIXED,), "input"), CHANNELS, network=settle(resnet(1, base=8))),
         "an earlier step overrides parts"),
        (lambda: taught(CHANNELS, over((FIXED,)), network=settle(resnet(1, base=8))),
         "an earlier step removes channels"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_told(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_a_part_that_no_tensor_flows_through_is_told() -> None:
    class Two(nn.Module):
        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            return x, x

    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.two, self.idle, self.linear = Two(), nn.ReLU(), nn.Linear(192, 5)
            self.row = nn.Sequential(nn.Identity(), nn.ReLU())

        def forward(self, x: Tensor) -> Tensor:
            return self.linear(self.row(self.two(x.flatten(1))[0]))

    for name, message in (
        ("two", "two answers with something else"),
        ("idle", "into idle"),
        ("row", r"row of parts: name the first or the last, row\.0 or row\.1"),
    ):
        with pytest.raises(ValueError, match=message):
            taught(over((FIXED,), "output", where=Where(name=name)), network=Odd())


def test_it_is_read_from_a_recipe(tmp_path: Path) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text(
        """
steps:
  - do: override
    of: weight
    where: {type: [Conv2d, Linear]}
    chain: [{by: surgery, alpha: 0.0}, {by: fixed, width: 6, point: 1}]
    when: {every: 0.5}
"""
    )
    assert read_recipe(file) == Recipe((over((SURGERY, FIXED)),))
    for wrong, hint in (
        ("{by: fixed, width: 6, points: 1}", "points"),
        ("{by: fixd, width: 6, point: 1}", "fixd"),
        ("{by: fixed, width: 99, point: 1}", "2 to 24 bits, not 99"),
        ("{by: recentre, grid: {by: surgery}, means: {by: log, width: 4, point: 4}}", "surgery"),
    ):
        file.write_text(f"steps: [{{do: override, of: weight, chain: [{wrong}]}}]")
        with pytest.raises(ValueError, match=hint):
            read_recipe(file)
    file.write_text("steps: [{do: override, of: slope, chain: [{by: fixed, width: 6, point: 1}]}]")
    with pytest.raises(ValueError, match="slope"):
        read_recipe(file)
