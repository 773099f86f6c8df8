"""What a training leaves can be opened again, scored and exported, and the command counts it."""

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from compression.export import export_onnx
from compression.gates.command import GatesConfig, run_gates
from compression.gates.files import GATES_FILE, open_gated, write_gates
from compression.gates.place import gate, gates_of, let_skip
from compression.gates.saliency import Pool
from compression.gates.work import measured_work
from compression.program import PROGRAM
from proxyless_nas import hand_made, macs_of
from proxyless_nas.subject import open_subject
from proxyless_nas.weights import save_tensors
from tests.commands.helpers import kill_when, run_here, well
from tests.compression.channels.networks import settle
from tests.compression.gates.networks import SHAPE, images, residual
from training.datasets import open_test
from training.evaluate import evaluate

pytestmark = pytest.mark.slow
NAMES = ["stem.conv", "blocks.0.project.conv", "mix.conv"]
RECIPE = f"""
steps:
  - do: gate
    where: {{name: {NAMES}}}
    density: {{curve: linear, start: 0.8, stop: 0.4}}
    pool: l1
    factor: 0.0001
    when: {{end: 2}}
"""


@pytest.mark.parametrize("pool", ["avg", "max", "l1", "l2"])
def test_onnx_runtime_answers_alike_image_by_image(pool: Pool, tmp_path: Path) -> None:
    """On its 12 images most gates choose differently from image to image."""
    network = residual()
    layers = [name for name, one in network.named_modules() if isinstance(one, nn.Conv2d)]
    placed = gate(network, SHAPE, layers, pool, deviation=0.5)
    for one in placed.values():
        one.keep(0.4)
    x, file = images(12), tmp_path / "model.onnx"
    export_onnx(network, SHAPE, file, x)
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    assert {node.name for node in session.get_inputs()} == {"images"}
    chosen = {tuple(row) for row in placed["0"].active(placed["0"].saliency(x)).tolist()}
    assert len(chosen) > 1
    with torch.no_grad():
        for image in x.split(1):
            (answer,) = session.run(["logits"], {"images": image.numpy()})
            np.testing.assert_allclose(np.asarray(answer), network(image), rtol=1e-4, atol=1e-4)


def test_what_was_written_is_opened_again(tmp_path: Path) -> None:
    hand_made("smoke").save(str(tmp_path / "spec.json"))
    subject = open_subject(str(tmp_path / "spec.json"))
    network = settle(subject.build(seed=1))
    for one in gate(network, subject.input, NAMES, "l2", deviation=0.5).values():
        one.keep(0.5)
    save_tensors(tmp_path / "weights.pt", network.state_dict())
    told = write_gates(network, subject, tmp_path)
    assert f"next: python -m compression gates {tmp_path}" in told
    (tmp_path / "spec.json").unlink()
    again, known = open_gated(tmp_path)
    assert known == subject and not again.training
    x = torch.randn(5, subject.input.channels, subject.input.height, subject.input.width)
    program = torch.export.load(tmp_path / PROGRAM).module()
    with torch.no_grad():
        expected = network.eval()(x)
        assert torch.equal(again(x), expected)
        torch.testing.assert_close(program(x), expected)
        torch.testing.assert_close(let_skip(again)(x[:1]), expected[:1], rtol=1e-4, atol=1e-5)
    (tmp_path / GATES_FILE).unlink()
    with pytest.raises(FileNotFoundError, match=r"no gates\.json in .*do: gate"):
        open_gated(tmp_path)


def test_what_no_description_fits_is_left_as_a_program_alone(tmp_path: Path) -> None:
    subject = open_subject("resnet20_cifar")
    network = residual()
    gate(network, subject.input, ["0"])
    assert "no description fits what is left of resnet20" in write_gates(network, subject, tmp_path)
    assert (tmp_path / PROGRAM).exists() and not (tmp_path / GATES_FILE).exists()


def test_from_a_training_that_was_killed_to_its_figures(tmp_path: Path) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text(RECIPE)
    hand_made("smoke").save(str(tmp_path / "spec.json"))

    def words(name: str) -> list[object]:
        flags = (
            "--limit 1000 --epochs 3 --batch-size 50 --accumulate 2 --ema 0.5 --threads 1 "
            "--checkpoint-seconds 0 --shift 2 --device cpu"
        )
        begun = ["main.py", "--arch", tmp_path / "spec.json", "--out", tmp_path / name]
        return [*begun, *flags.split(), "--compress", file]

    said = well(run_here(*words("whole")))
    assert f"next: python -m compression gates {tmp_path / 'whole'}" in said
    kill_when(words("broken"), tmp_path / "broken" / "log.jsonl", 2)
    well(run_here(*words("broken")))
    whole, broken = (torch.load(tmp_path / name / "weights.pt") for name in ("whole", "broken"))
    assert whole.keys() == broken.keys()
    assert all(torch.equal(whole[key], broken[key]) for key in whole)

    out, run = tmp_path / "found.json", tmp_path / "whole"
    flags = ["--limit", 200, "--device", "cpu", "--out", out]
    printed = well(run_here("-m", "compression", "gates", run, *flags))
    found = json.loads(out.read_text())
    network, subject = open_gated(run)
    assert [int(one.kept) for one in gates_of(network).values()] == [4, 4, 13]
    data = open_test("fashion", limit=200)
    batches = [(x, y) for x, y in data.test_batches(40, torch.device("cpu"))]
    score = evaluate(network, batches)
    assert found["test"]["top1"] == score.top1 and f"({score.right:,} of 200)" in printed
    work = measured_work(network, subject.input, [x for x, _ in batches])
    assert found["measured"]["layers"]["mix.conv"]["macs"] == pytest.approx(
        work.layers["mix.conv"].macs
    )
    assert f"{work.macs:,.0f} ({100 * work.share:.1f} %) on these images" in printed
    assert (
        work.macs <= found["measured"]["without_gates"] == macs_of(subject.build(0), subject.input)
    )
    with pytest.raises(FileNotFoundError, match=r"no config\.json"):
        (run / "config.json").unlink()
        run_gates(GatesConfig(run=str(run)))
