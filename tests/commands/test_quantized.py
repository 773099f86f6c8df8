"""A training under `do: quantize` that is killed, what it leaves, and eval.py on that."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from msgspec.json import decode
from msgspec.structs import replace

from compression.program import PROGRAM
from compression.quantizers.files import QUANTIZED, QuantizedFile
from proxyless_nas import hand_made
from proxyless_nas.weights import load_tensors, save_tensors
from tests.commands.helpers import assert_refused, kill_when, records, run_here, well
from tests.commands.test_eval import figure
from tests.launch import ENVIRONMENT, ROOT

pytestmark = pytest.mark.slow

SPEC = replace(hand_made("smoke"), blocks=hand_made("smoke").blocks[:2])

RECIPE = """
steps:
  - {do: mask, method: {by: level, share: 0.5},
     where: {name: "*.project.conv"}, when: {end: 1}}
  - {do: quantize, weights: {by: lsq, bits: 4}, activations: {by: pact, bits: 5}, seen: 100}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A description, a recipe, and what a training left in `whole`."""
    folder = tmp_path_factory.mktemp("quantized")
    SPEC.save(str(folder / "arch.json"))
    (folder / "recipe.yaml").write_text(RECIPE)
    well(run_here(*words(folder, "whole")))
    return folder


def words(folder: Path, name: str) -> list[object]:
    flags = "--limit 200 --epochs 2 --batch-size 50 --threads 1 --checkpoint-seconds 0 --device cpu"
    return [
        *("main.py", "--arch", folder / "arch.json", "--out", folder / name, *flags.split()),
        *("--compress", folder / "recipe.yaml"),
    ]


def test_a_killed_training_ends_with_the_same_weights_steps_and_log(folder: Path) -> None:
    log = folder / "broken" / "log.jsonl"
    seen = kill_when(words(folder, "broken"), log, 1)
    assert seen < len(records(folder / "whole" / "log.jsonl"))
    well(run_here(*words(folder, "broken")))
    assert records(folder / "whole" / "log.jsonl") == records(log)
    whole, broken = (load_tensors(folder / name / "weights.pt") for name in ("whole", "broken"))
    assert whole.keys() == broken.keys()
    assert all(torch.equal(tensor, broken[name]) for name, tensor in whole.items())
    learned = [name for name in whole if name.endswith((".step", ".clip"))]
    assert len(learned) == 4 + 2 * (len(SPEC.layers()) - 2)


def test_files_give_the_same_logits_in_a_fresh_process_and_a_program_without_our_code(
    folder: Path, tmp_path: Path
) -> None:
    x = torch.randn(4, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    save_tensors(tmp_path / "x.pt", {"x": x})
    ours = (
        "import sys, torch; from pathlib import Path; "
        "from compression.quantizers.files import open_quantized; "
        "m, _ = open_quantized(Path(sys.argv[1]) / 'quantized.json'); "
        "x = torch.load(sys.argv[2] + '/x.pt')['x']; torch.set_grad_enabled(False); "
        "p = torch.export.load(sys.argv[1] + '/network.pt2').module(); "
        "torch.save({'ours': m(x), 'program': p(x), 'weights': {n: c.weight for n, c in "
        "m.named_modules() if hasattr(c, 'parametrizations')}}, sys.argv[2] + '/y.pt')"
    )
    words = [sys.executable, "-c", ours, str(folder / "whole"), str(tmp_path)]
    subprocess.run(words, cwd=ROOT, env=ENVIRONMENT, check=True)
    said = load_tensors(tmp_path / "y.pt")
    file = folder / "whole" / QUANTIZED
    network = decode(file.read_bytes(), type=QuantizedFile).build()
    network.load_state_dict(load_tensors(file.with_name("weights.pt")))
    with torch.no_grad():
        expected = network.eval()(x)
    assert torch.equal(said["ours"], expected) and (file.parent / PROGRAM).exists()
    torch.testing.assert_close(said["program"], expected, rtol=1e-4, atol=1e-4)
    for name, weight in said["weights"].items():
        ends = name in ("stem.conv", "classifier.linear")
        for row in weight:
            assert len(row.unique()) <= (256 if ends else 16), name
        if name.endswith("project.conv"):
            assert float((weight == 0).float().mean()) >= 0.5


def test_eval_scores_what_rounds_and_counts_its_bits(folder: Path) -> None:
    file = folder / "whole" / QUANTIZED
    flags = ["--limit", 100, "--device", "cpu"]
    printed = well(run_here("eval.py", "-a", file, *flags))
    result = decode((folder / "whole" / "result.json").read_bytes())
    limit = well(run_here("eval.py", "-a", file, "--limit", 200, "--device", "cpu"))
    assert figure(limit, "top-1").startswith(f"{result['top1']:.2%}")
    assert figure(printed, "test images") == "100"
    first, *inner, last = SPEC.layers()
    bits = 8 * (first.weights + last.weights) + 4 * sum(layer.weights for layer in inner)
    assert figure(printed, "weights").startswith(f"{bits / 8e6:.3f} MB at their bits")
    work = 64 * (first.macs + last.macs) + 20 * sum(layer.macs for layer in inner)
    assert figure(printed, "bit operations").startswith(f"{work / 1e9:.3f} G")
    moved = file.parent / "elsewhere.pt"
    file.with_name("weights.pt").rename(moved)
    try:
        assert_refused(run_here("eval.py", "-a", file, *flags), "no file", "weights.pt")
        again = well(run_here("eval.py", "-a", file, *flags, "--weights", moved))
        assert figure(again, "loss") == figure(printed, "loss")
    finally:
        moved.rename(file.with_name("weights.pt"))


def test_eval_refuses_what_a_rounded_network_has_no_answer_to(folder: Path, tmp_path: Path) -> None:
    file = folder / "whole" / QUANTIZED
    for flags in (["--table", "t.json"], ["--measure"]):
        said = run_here("eval.py", "-a", file, *flags)
        assert_refused(said, "--table and --measure", "simulate", "compression int8")
    for flags in (["--resolution", 32], ["--num-classes", 3]):
        assert_refused(run_here("eval.py", "-a", file, *flags), "says its resolution and classes")
    other = tmp_path / "other.pt"
    save_tensors(other, SPEC.build(seed=0).state_dict())
    said = run_here("eval.py", "-a", file, "--weights", other)
    assert_refused(said, str(other), "does not hold the weights of")
    assert_refused(run_here("eval.py", "-a", tmp_path / QUANTIZED), "no file", QUANTIZED)
