"""Chains over what flows through layers, over slopes and errors, and the files that are left."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from compression.apply import write_what_is_left
from compression.overriders import (
    Float,
    Shift,
)
from compression.overriders.place import overridden
from compression.program import PROGRAM
from compression.recipe import Recipe
from compression.schedule import When
from compression.selectors import Where
from proxyless_nas import hand_made
from proxyless_nas.subject import Subject
from tests.compression.overriders.trained import (
    DYNAMIC,
    FIXED,
    SHAPE,
    STEPS,
    learn,
    over,
    seen,
    taught,
)
from tests.training.learning import images, plain_network, short_plan


@pytest.mark.parametrize("of", ["input", "output"])
def test_flows_are_on_the_grid_and_stay_there_in_what_is_left(of: str) -> None:
    learner = taught(over((DYNAMIC,), of, where=Where(name="4")))
    learn(learner, 0, 3)
    found: list[Tensor] = []
    left, x = learner.plain().eval(), images(4, 50)[0]

    def watch(_: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        found.append(inputs[0] if of == "input" else output)

    left.get_submodule("4").register_forward_hook(watch)
    with torch.no_grad():
        torch.testing.assert_close(left(x), learner.network.eval()(x))
    held: Any = left.get_submodule("4").overriders
    (chain,) = held[of]
    codes = found[0] * 2.0 ** (6 - int(chain.point))
    assert torch.equal(codes, codes.round()) and codes.min() >= -32 and codes.max() <= 31
    assert int(chain.point) != 1 or of == "output"  # it was chosen
    torch.export.export(left, (x,))


def test_a_layer_chooses_by_what_the_ones_before_it_make_of_the_images() -> None:
    learner = taught(over((DYNAMIC,), "output", where=Where(type=("Conv2d", "ReLU"))))
    assert learner.companion is not None
    plain = deepcopy(learner.network)
    learner.companion.before(0)
    x = seen(64)[0][0]
    first, second = (DYNAMIC.made(None) for _ in range(2))
    y = plain.get_submodule("0").forward(x)
    first.refresh(y)
    y = first(y).relu()
    second.refresh(y)
    for name, one in (("0", first), ("1", second)):
        chain: Any = learner.network.get_submodule(name).overriders["output"]  # type: ignore[index]
        assert torch.equal(chain.each[0].point, one.get_buffer("point"))


def test_slopes_are_overridden_before_they_are_clipped_and_leave_nothing() -> None:
    coarse = Float(width=4, mantissa=1, overflow=0.0)
    learner = taught(over((coarse,), "weight-gradient"), over((FIXED,), "bias-gradient"))
    free = taught(over((FIXED,), "error", when=When(begin=3)))
    x, y = images(8, 0)
    learner.step(0, [(x, y)])
    free.step(0, [(x, y)])
    for layer in ("0", "4"):
        mine, yours = (one.network.get_submodule(layer) for one in (learner, free))
        for own, kind in (("weight", coarse), ("bias", FIXED)):
            slope = yours.get_parameter(own).grad
            assert slope is not None
            expected = kind.made(slope)
            expected.refresh(slope)
            found = mine.get_parameter(own).grad
            assert found is not None
            assert torch.equal(found, expected(slope)) and not torch.equal(found, slope)
    left = learner.plain()
    assert left.state_dict().keys() == plain_network().state_dict().keys()
    clipped = taught(over((coarse,), "weight-gradient"), clip_norm=1e-3)
    clipped.step(0, [(x, y)])
    slopes = [one.grad for one in clipped.network.parameters() if one.grad is not None]
    norm = torch.cat([one.flatten() for one in slopes]).norm()
    torch.testing.assert_close(norm, torch.tensor(1e-3), rtol=1e-3, atol=0)


def test_an_error_is_overridden_on_its_way_back_and_the_answers_are_not() -> None:
    learner = taught(over((Shift(width=4, bias=14),), "error", where=Where(name="4")))
    network, x = learner.network, images(8, 0)[0]
    assert learner.companion is not None
    learner.companion.before(0)
    logits, plain = network(x), plain_network()
    assert torch.equal(logits, plain(x))
    slope = torch.randn(8, 5, generator=torch.Generator().manual_seed(0)) / 50
    logits.backward(slope)
    plain(x).backward(Shift(width=4, bias=14).made(None)(slope))
    torch.testing.assert_close(
        [one.grad for one in network.parameters()], [one.grad for one in plain.parameters()]
    )
    left = learner.plain()
    assert not overridden(left) and not left.get_submodule("4")._forward_hooks


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU])
def test_recurrent_weights_are_overridden_too(kind: type[nn.LSTM] | type[nn.GRU]) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(2), kind(64, 4, batch_first=True))
    plan, step = short_plan(2, STEPS), over((FIXED,), where=Where(type=kind.__name__))
    companion = Recipe((step,)).accompany(network, SHAPE, plan, seen)
    x = images(4)[0]
    companion.before(0)
    network(x)[0].sum().backward()
    left = companion.plain(network)
    torch.testing.assert_close(left(x)[0], network(x)[0])
    for name, weight in left.named_parameters():
        codes = weight.detach() * 2**5
        assert torch.equal(codes, codes.round()) == ("weight" in name)
    assert not overridden(left) and not left.get_submodule("1")._forward_pre_hooks


@pytest.mark.slow
def test_the_files_of_a_run_are_those_of_a_plain_network_or_a_program(tmp_path: Path) -> None:
    spec = hand_made("smoke")
    for of, files in (("weight", {"spec.json"}), ("input", {PROGRAM})):
        network, out = spec.build(), tmp_path / of
        out.mkdir()
        shape, step = spec.input, over((FIXED,), of)
        companion = Recipe((step,)).accompany(network, shape, short_plan(2, STEPS), seen)
        companion.before(0)
        left = companion.plain(network).eval()
        write_what_is_left(Subject("smoke", shape, 10, None, spec), left, out)
        assert {file.name for file in out.iterdir()} == files
    x = torch.randn(3, spec.input.channels, spec.input.height, spec.input.width)
    with torch.no_grad():
        answers = torch.export.load(tmp_path / "input" / PROGRAM).module()(x)
        torch.testing.assert_close(answers, left(x), rtol=1e-4, atol=1e-4)
