"""Automatic compression of a real network on real images: goals are met, files do what they say."""

import json
import shlex
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from compression.quantizers.files import open_quantized
from latency_tables.simulate.presets import HARDWARE
from latency_tables.simulate.pricing import network_mj
from proxyless_nas import load_spec, macs_of
from proxyless_nas.bits import load_policy
from proxyless_nas.counting import layers_of
from proxyless_nas.files import read_json
from proxyless_nas.subject import load_its_weights
from search.auto.report import Report, done
from tests.commands.helpers import assert_refused, kill_when, run_here, run_well_at_once, well
from tests.search.auto.again import made_again
from tests.shared import shared

pytestmark = pytest.mark.slow


def words(out: Path, goal: str, *more: object) -> list[object]:
    flags = "--dataset cifar10 --normalise half --limit 64 --calibrated-on 64 --tries 2 --widths 3"
    return [
        "-m", "compression", "auto", "--arch", "resnet20_cifar",
        "--weights", shared("data/distiller/resnet20_cifar10_dense.pth.tar"),
        "--path", shared("data/cifar10_lossless_6102.npz"), *flags.split(),
        "--reconstruct", 40, "--weight-bits", 8, 4, 3, "--goal", goal, "--out", out, *more,
    ]  # fmt: skip


def test_an_eighth_of_the_bytes_by_bits(tmp_path: Path) -> None:
    said = well(run_here(*words(tmp_path / "run", "bytes=0.125x", "--methods", "bits")))
    report = read_json(tmp_path / "run" / "report.json", Report)
    before, after = report.costs["bytes"]
    assert report.met and after <= 0.125 * before and "every cost is met" in said
    assert report.lost <= 2.5  # less than none with all images; here few set the roundings
    network, subject = open_quantized(tmp_path / "run" / "quantized.json")
    assert subject.name == "resnet20_cifar"
    layer = network.get_submodule("blocks.0.first.conv")
    assert isinstance(layer, nn.Conv2d)
    bits = report.compressed.bits["blocks.0.first.conv"]
    assert all(len(row.unique()) <= 2**bits for row in layer.weight.detach())
    front = json.loads((tmp_path / "run" / "front.json").read_text())
    page = (tmp_path / "run" / "report.html").read_text()
    assert len(front) > 2 and "Accuracy against bytes" in page and report.verdict() in page
    assert all(
        words in page for words in (*done(report.compressed), *(s.name for s in report.stages))
    )
    again = well(run_here(*words(tmp_path / "run", "bytes=0.125x", "--methods", "bits")))
    assert "every cost is met" in again and "step/s" not in again
    said = made_again(tmp_path / "run", tmp_path / "again")
    assert f"top-1 {report.stages[-1].searched:.2%}" in said  # images that judged are held out
    assert open_quantized(tmp_path / "again" / "quantized.json")[1].name == subject.name


def test_macs_by_channels_and_a_recipe_that_makes_them_again(tmp_path: Path) -> None:
    well(run_here(*words(tmp_path / "run", "macs=0.7x", "--epochs", 0)))
    report = read_json(tmp_path / "run" / "report.json", Report)
    assert report.met and report.compressed.gone and not report.compressed.bits
    page = (tmp_path / "run" / "report.html").read_text()
    widths = {"stem.conv": 16, **{f"blocks.{n}.first.conv": 16 << n // 3 for n in range(9)}}
    assert all(
        f"{widths[name] - gone} of {widths[name]}" in page
        for name, gone in report.compressed.gone.items()
        if name in widths
    )
    spec = load_spec(str(tmp_path / "run" / "spec.json"))
    network = spec.build()
    load_its_weights(network, str(tmp_path / "run" / "spec.json"))
    assert macs_of(network, spec.input) == report.costs["macs"][1]

    made_again(tmp_path / "run", tmp_path / "again")
    again = load_spec(str(tmp_path / "again" / "spec.json"))
    assert [layer.output for layer in again.layers()] == [layer.output for layer in spec.layers()]


def test_a_measured_latency_with_integers(tmp_path: Path) -> None:
    flags = ["--methods", "int8", "--spread-s", 0]
    well(run_here(*words(tmp_path / "run", "latency=0.9x", *flags)))
    report = read_json(tmp_path / "run" / "report.json", Report)
    assert report.met and report.compressed.int8
    assert [stage.name for stage in report.stages] == ["whole", "untuned", "in integers"]
    assert report.stages[1].searched == report.stages[0].searched  # channels stayed
    made_again(tmp_path / "run", tmp_path / "again")
    second = (tmp_path / "run" / "recipe.yaml").read_text().splitlines()[1]
    _, asked = second.replace("OUT", str(tmp_path / "again")).split("compression int8 ")
    well(run_here("-m", "compression", "int8", *shlex.split(asked, comments=True)))
    assert (tmp_path / "again" / "model.onnx").exists()
    session = onnxruntime.InferenceSession(
        tmp_path / "run" / "model.onnx", providers=["CPUExecutionProvider"]
    )
    x = torch.randn(1, 3, 32, 32).numpy()
    (answer,) = session.run(None, {session.get_inputs()[0].name: x})
    assert np.asarray(answer).shape == (1, 10)
    (tmp_path / "run" / "report.json").unlink()
    well(run_here(*words(tmp_path / "run", "latency=0.9x", *flags)))
    again = read_json(tmp_path / "run" / "report.json", Report)
    assert again.costs == report.costs and again.stages == report.stages


def test_energy_on_hardware_that_is_simulated(tmp_path: Path) -> None:
    flags = ["--device", "bitfusion", "--methods", "bits"]
    well(run_here(*words(tmp_path / "run", "energy=0.8x", *flags)))
    report = read_json(tmp_path / "run" / "report.json", Report)
    assert report.met and set(report.compressed.bits.values()) <= {8, 4, 3}
    network, subject = open_quantized(tmp_path / "run" / "quantized.json")
    made = layers_of(network, subject.input)
    policy = load_policy(tmp_path / "run" / "bits.json", made)
    hardware = HARDWARE["bitfusion"]
    spent = network_mj(hardware, made, policy) / hardware.batch
    assert report.costs["energy"][1] == pytest.approx(spent)


def test_killed_at_any_moment_and_shared_by_two_it_ends_as_unbroken(tmp_path: Path) -> None:
    asked = ("bytes=0.2x", "--methods", "bits")
    well(run_here(*words(tmp_path / "whole", *asked)))
    kill_when(words(tmp_path / "broken", *asked), tmp_path / "broken" / "alone.jsonl", 30)
    kill_when(words(tmp_path / "broken", *asked), tmp_path / "broken" / "tried-0.jsonl", 2)
    (tmp_path / "broken" / "tried-0.jsonl").unlink()
    for said in run_well_at_once(2, *words(tmp_path / "broken", *asked)):
        assert "every cost is met" in said
    whole, broken = (
        read_json(tmp_path / name / "report.json", Report) for name in ("whole", "broken")
    )
    assert broken.compressed == whole.compressed and broken.stages == whole.stages


def test_what_cannot_be_met_is_said_at_once(tmp_path: Path) -> None:
    refused = run_here(*words(tmp_path / "run", "macs=0.01x"))
    assert_refused(refused, "cannot be met: with everything that may be done it is macs")
    refused = run_here(*words(tmp_path / "run", "macs=0.5x", "--methods", "bits"))
    assert_refused(refused, "bits cannot lower macs")
    assert not (tmp_path / "run").exists()
