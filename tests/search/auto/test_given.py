"""What automatic compression begins with: what may be done, what shares are of, the weights."""

import json
from pathlib import Path

import pytest
import torch
from msgspec import convert

from proxyless_nas import load_spec
from proxyless_nas.files import read_json
from proxyless_nas.published import published_spec
from proxyless_nas.subject import open_subject
from proxyless_nas.weights import load_tensors, save_tensors
from search.auto.config import AutoConfig, Method
from search.auto.costs import Limits
from search.auto.finish import write_network, write_recipe
from search.auto.given import given_of, hardware_of, methods_for
from search.auto.goal import read_goal
from search.auto.report import Report
from search.auto.run import auto
from search.problems.compressed import Compressed, Compression
from tests.compression.analysis.commands import small_cifar
from tests.compression.channels.networks import settle
from tests.search.auto.again import made_again

ALL: tuple[Method, ...] = ("channels", "sparsity", "bits", "int8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A spec.json with its weights.pt beside it, and images."""
    path = tmp_path_factory.mktemp("given")
    spec = published_spec("resnet20_cifar")
    spec.save(str(path / "spec.json"))
    save_tensors(path / "weights.pt", settle(spec.build(seed=3)).state_dict())
    small_cifar(path / "cifar.npz", train=150, test=20)
    return path


def config_of(folder: Path, goal: str, **more: object) -> AutoConfig:
    usual: dict[str, object] = {
        "arch": str(folder / "spec.json"), "path": str(folder / "cifar.npz"), "limit": 20,
        "dataset": "cifar10", "calibrated_on": 20, "tries": 1, "widths": 2, "reconstruct": 0,
        "workers": 0, "batch_size": 32, "out": str(folder / "run"), "goal": goal,
    }  # fmt: skip
    return convert({**usual, **more}, AutoConfig)


@pytest.mark.parametrize(
    "goal, asked, device, expected",
    [
        ("bytes=0.3x", ALL, "cpu", ["channels", "bits"]),  # nobody would make the integers
        ("bops=0.3x", ("int8",), "cpu", []),
        ("latency=0.5x", ALL, "cpu", ["channels", "int8"]),
        ("latency=0.5x bytes=0.3x", ALL, "cpu", ["channels", "bits", "int8"]),
        ("latency=0.5x bytes=0.3x", ("channels", "bits"), "cpu", ["channels", "bits"]),
        ("latency=0.5x", ALL, "bitfusion", ["channels", "bits"]),
        ("nonzeros=0.5x", ALL, "cpu", ["channels", "sparsity"]),
    ],
)
def test_what_may_be_done_helps_the_goal_and_goes_together(
    folder: Path, goal: str, asked: tuple[Method, ...], device: str, expected: list[Method]
) -> None:
    config = config_of(folder, goal, methods=asked, device=device)
    wanted = read_goal(goal)
    assert methods_for(config, wanted, hardware_of(config, wanted)) == expected


def test_integers_and_other_bits_are_no_one_problem() -> None:
    with pytest.raises(ValueError, match="8 bits: search one of the two"):
        Compression(stops={}, layers=["conv"], bits=(32, 4), int8=True)


def test_shares_are_of_eight_bits_everywhere_where_hardware_knows_no_float(folder: Path) -> None:
    goal = read_goal("bops=0.9x bytes=0.9x latency=1x")
    given = given_of(config_of(folder, "bops=0.9x", device="bitfusion"), goal)
    limits = Limits.of(goal, given.costs, given.nothing)
    macs = given.costs["macs"](given.nothing)
    assert limits.whole["bops"] == 64 * macs
    assert limits.whole["bytes"] < 1.2 * given.costs["parameters"](given.nothing)
    assert limits.excess(given.nothing) == pytest.approx(1 / 0.9)


@pytest.mark.slow
def test_tuning_begins_with_the_weights_beside_the_network_and_goes_on_elsewhere(
    folder: Path, tmp_path: Path
) -> None:
    """And what is zero stays so while the rest is tuned; the recipe does all of it again."""
    here, there = tmp_path / "here", tmp_path / "there"
    how = {"methods": ("sparsity",), "shares": (0.5,), "epochs": 1, "base_lr": 1e-6}
    auto(config_of(folder, "nonzeros=0.9x", out=str(here), **how))
    report = read_json(here / "report.json", Report)
    assert report.met and set(report.compressed.zeros.values()) == {0.5}
    before, after = (load_tensors(at / "weights.pt") for at in (folder, here))
    for layer in report.compressed.zeros:
        left = after[f"{layer}.weight"] != 0
        assert 0.4 < float(left.float().mean()) < 0.6
        own, learned = (one[f"{layer}.weight"][left] for one in (before, after))
        torch.testing.assert_close(learned, own, rtol=1e-2, atol=1e-3)
    spec = load_spec(str(here / "spec.json"))
    kept = sum(layer.weights + layer.output.channels for layer in spec.layers())  # norms folded
    zeros = sum(int((after[f"{name}.weight"] == 0).sum()) for name in report.compressed.zeros)
    assert zeros and report.costs["nonzeros"][1] == kept - zeros
    here.rename(there)
    (there / "report.json").unlink()
    auto(config_of(folder, "nonzeros=0.9x", out=str(there), **how))
    assert read_json(there / "report.json", Report).stages == report.stages
    made_again(there, tmp_path / "again")


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"epochs": 1, "limit": 130}, "of 150 training images 20 are left to train with"),
        ({"epochs": 1, "limit": 150}, "0 are left to train with"),
        ({"weight_bits": (16, 8)}, "16 bits"),
        ({"methods": ("int8",)}, "int8 cannot lower macs.*; int8 is made where a latency"),
        ({"floor": -1.0}, "--floor"),
        ({"spread_s": -1.0}, "--spread-s"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_judged(
    folder: Path, tmp_path: Path, wrong: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        auto(config_of(folder, "macs=0.9x", out=str(tmp_path / "run"), **wrong))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"device": "bitfuson"}, r"did you mean bitfusion\?\): cpu, cuda or rpc://HOST:PORT/KEY"),
        ({"device": "cuda"}, "onnxruntime does not run on --device cuda"),
        pytest.param({"device": "cuda", "runtime": "eager"}, "no CUDA device here",
                     marks=pytest.mark.skipif(torch.cuda.is_available(), reason="there is one")),
    ],
)  # fmt: skip
def test_a_device_that_is_not_there_is_said_before_anything_is_kept(
    folder: Path, tmp_path: Path, wrong: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        auto(config_of(folder, "latency=0.5x", out=str(tmp_path / "run"), **wrong))
    assert not (tmp_path / "run").exists()


def test_integers_of_a_network_in_yaml_have_a_command_too(tmp_path: Path) -> None:
    lenet = open_subject("models/lenet5.yaml")
    save_tensors(tmp_path / "weights.pt", lenet.build(seed=3).state_dict())
    how = {
        "arch": "models/lenet5.yaml", "weights": str(tmp_path / "weights.pt"), "path": None,
        "dataset": "fashion", "methods": ("int8",), "out": str(tmp_path / "run"),
    }  # fmt: skip
    given = given_of(config_of(tmp_path, "latency=0.5x", **how), read_goal("latency=0.5x"))
    write_network(given, given.whole)
    write_recipe(given, Compressed(int8=True), 0)
    first, second, *_ = (tmp_path / "run" / "recipe.yaml").read_text().splitlines()
    assert first.startswith("# python main.py --arch models/lenet5.yaml")
    assert second.startswith("# python -m compression int8 --arch OUT/network.yaml")


@pytest.mark.slow
def test_bits_are_those_of_a_network_in_float_and_the_other_way_is_int8(
    folder: Path, tmp_path: Path
) -> None:
    how = {"methods": ("bits", "int8"), "weight_bits": (8, 3), "spread_s": 0.0}
    auto(config_of(folder, "latency=50ms bytes=0.2x", out=str(tmp_path / "run"), **how))
    report = read_json(tmp_path / "run" / "report.json", Report)
    assert report.compressed.bits and not report.compressed.int8
    before, after = report.costs["bytes"]
    assert 0.1 * before < after <= 0.2 * before
    latencies = json.loads((tmp_path / "run" / "latencies.json").read_text())
    assert {"whole in int8", "round 0", "made"} <= set(latencies)
