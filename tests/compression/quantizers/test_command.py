"""`python -m compression quantize` on a real ResNet-20 and true photographs; mistakes are told."""

from pathlib import Path

import numpy as np
import pytest
import torch
from msgspec.json import decode
from torch import Tensor

from compression.quantizers.files import open_quantized
from compression.quantizers.place import input_quantizers, quantization_of, weight_quantizers
from compression.quantizers.report import Quantized
from proxyless_nas import load_spec
from proxyless_nas.bits import Bits, load_policy, uniform, with_bits
from proxyless_nas.weights import save_tensors
from tests.commands.helpers import assert_refused, run_here, well
from tests.shared import shared

LAYERS = load_spec("resnet20_cifar").layers()
FILES = {"bits.json", "network.pt2", "quantized.json", "report.json", "weights.pt"}


def words(out: Path, *more: object) -> list[object]:
    weights = shared("data/distiller/resnet20_cifar10_dense.pth.tar")
    images = shared("data/cifar10_lossless_6102.npz")
    flags = ["--normalise", "half", "--limit", "100", "--test-limit", "200"]
    return [
        *("-m", "compression", "quantize", "-a", "resnet20_cifar", "--weights", weights),
        *("-p", images, "-o", out, *flags, *more),
    ]


def report_of(out: Path) -> Quantized:
    return decode((out / "report.json").read_bytes(), type=Quantized)


@pytest.mark.slow
def test_eight_bits_lose_nothing_that_200_photographs_show(tmp_path: Path) -> None:
    printed = well(run_here(*words(tmp_path / "out")))
    report = report_of(tmp_path / "out")
    assert {file.name for file in (tmp_path / "out").iterdir()} == FILES
    assert f"{report.after.top1:.2%}" in printed and "0.2500" in printed
    assert report.before.images == report.after.images == 200
    assert report.before.top1 >= 0.88 and report.after.top1 >= report.before.top1 - 0.015
    assert abs(report.after.loss - report.before.loss) < 0.03 * report.before.loss + 0.01
    assert report.sizes.bytes == report.sizes.float_bytes / 4
    policy = load_policy(tmp_path / "out" / "bits.json", LAYERS)
    assert policy.layers == uniform(LAYERS, Bits(8, 8)).layers
    network, subject = open_quantized(tmp_path / "out" / "quantized.json")
    assert subject.name == "resnet20_cifar"
    assert len(weight_quantizers(network)) == len(input_quantizers(network)) == 22
    assert not any(isinstance(one, torch.nn.BatchNorm2d) for one in network.modules())


@pytest.mark.slow
def test_a_policy_of_few_bits_for_weights_alone_is_what_is_written(tmp_path: Path) -> None:
    four = uniform(LAYERS, Bits(4, 32), "resnet20_cifar")
    four.save(tmp_path / "asked.json")
    flags = ("--policy", tmp_path / "asked.json", "--per", "tensor", "--correct-biases")
    well(run_here(*words(tmp_path / "out", *flags)))
    report, network = (
        report_of(tmp_path / "out"),
        open_quantized(tmp_path / "out/quantized.json")[0],
    )
    assert report.after.top1 >= report.before.top1 - 0.06  # 0.13 without --correct-biases
    assert report.sizes.bytes == report.sizes.float_bytes / 8
    assert report.sizes.operations == report.sizes.float_operations // 8
    assert load_policy(tmp_path / "out" / "bits.json", LAYERS) == four
    assert not input_quantizers(network)
    for name in quantization_of(network).layers:
        weight = network.get_submodule(name).weight
        assert isinstance(weight, Tensor)
        assert len(weight.unique()) <= 15, name


@pytest.fixture
def learned(tmp_path: Path) -> Path:
    """A small description with weights beside it."""
    spec = load_spec("resnet20_cifar")
    spec.save(str(tmp_path / "spec.json"))
    save_tensors(tmp_path / "weights.pt", spec.build(seed=0).state_dict())
    return tmp_path / "spec.json"


@pytest.mark.parametrize(
    ("flags", "hints"),
    [
        (("--weight-bits", 9), ("9 bits: a quantizer takes 1 to 8",)),
        (("--ends", 0), ("0 bits: a quantizer takes",)),
        (("--ends", "float", "--weight-bits", "None", "--activation-bits", "None"),
         ("everything stays in float",)),
        (("--group", 7), ("groups of 7 do not fit",)),
        (("--per", "tensor", "--group", 3), ("leave `per` out",)),
        (("--kind", "cubic"), ("--kind",)),
        (("--policy", "no.json"), ("no file no.json",)),
        (("--reconstruct", -1), ("1 step or more",)),
        (("--reconstruct", 9, "--kind", "codebook"), ("it needs --kind range",)),
        (("--kind", "ternary", "--weight-bits", 4), ("--kind ternary takes 2 bits",)),
        (("--kind", "powers", "--per", "tensor"), ("--per says nothing for --kind powers",)),
        (("--kind", "codebook", "--weight-range", "mse"), ("--weight-range says nothing",)),
        (("--policy", "no.json", "--ends", 4), ("leave --ends out",)),
        (("--correct-biases", "--no-fold"), ("has no bias to correct", "fold the batch norm")),
        (("--path", "nowhere"), ("nowhere",)),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_and_nothing_is_written(
    flags: tuple[object, ...], hints: tuple[str, ...], learned: Path, tmp_path: Path
) -> None:
    _some_images(tmp_path / "cifar.npz")
    usual = () if "--path" in flags else ("--path", tmp_path / "cifar.npz")
    out = tmp_path / "out"
    said = run_here("-m", "compression", "quantize", "-a", learned, "-o", out, "--limit", 20,
                    *usual, *flags)  # fmt: skip
    assert_refused(said, *hints)
    assert not out.exists()


def test_what_has_learned_nothing_is_refused_and_weights_are_not_written_over(
    learned: Path, tmp_path: Path
) -> None:
    _some_images(tmp_path / "cifar.npz")
    flags = ("--limit", 20, "--path", tmp_path / "cifar.npz")
    fresh = ("-m", "compression", "quantize", "-a", "resnet20_cifar", "-o", tmp_path / "out")
    assert_refused(run_here(*fresh, *flags), "has learned nothing: give --weights")
    before = (tmp_path / "weights.pt").read_bytes()
    said = run_here("-m", "compression", "quantize", "-a", learned, "-o", tmp_path, *flags)
    assert_refused(said, "weights.pt is what is to be quantized", "another folder")
    assert (tmp_path / "weights.pt").read_bytes() == before
    few = uniform(list(with_bits(LAYERS))[:-1], Bits(4, 4))
    few.save(tmp_path / "few.json")
    policy = ("--policy", tmp_path / "few.json", "-o", tmp_path / "out")
    said = run_here("-m", "compression", "quantize", "-a", learned, *policy, *flags)
    assert_refused(said, "few.json", "no bits for classifier.linear")
    assert not (tmp_path / "out").exists()


def _some_images(file: Path) -> None:

    chance = np.random.default_rng(0)
    pixels = chance.integers(0, 256, (40, 3, 32, 32), np.uint8)
    labels = np.arange(40) % 10
    np.savez(file, x_train=pixels, y_train=labels, x_test=pixels, y_test=labels)
