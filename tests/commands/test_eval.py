"""eval.py as a user runs it: on real images where there are some, and on what cannot work."""

import gc
import re
from multiprocessing import active_children
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
from PIL import Image

from proxyless_nas import NetworkSpec, load_spec, save_upstream
from proxyless_nas.weights import save_tensors
from tests.commands.helpers import assert_refused, run_here, run_well, well
from tests.shared import shared
from training.datasets import Reading, open_test
from training.evaluate import evaluate


def figure(printed: str, name: str) -> str:
    """What eval.py printed behind a name."""
    found = re.search(rf"^{re.escape(name)} +(.*)$", printed, re.MULTILINE)
    assert found, printed
    return found[1]


def saved(spec: NetworkSpec, folder: Path) -> Path:
    """A description with fresh weights beside it."""
    folder.mkdir(exist_ok=True)
    spec.save(str(folder / "spec.json"))
    save_tensors(folder / "weights.pt", spec.build(seed=1).state_dict())
    return folder / "spec.json"


@pytest.mark.slow
def test_real_photographs_with_their_places_among_a_thousand_classes(tmp_path: Path) -> None:
    """A readout that answers only with classes that are there cannot be right about others."""
    with ZipFile(shared("data/imagenet_500.zip")) as archive:
        pictures = [name for name in archive.namelist() if name.endswith(".JPEG")][::10]
        archive.extractall(tmp_path, [*pictures, "imagenet_500/wnids.txt"])
    val = tmp_path / "imagenet_500" / "val"
    spec = load_spec("mobilenet_v2-w0.35")
    arch = saved(spec, tmp_path / "network")
    words = "eval.py -a {} -p {} --resolution 96 --normalise half -b 16 -j 2 --device cpu"
    printed = run_well(*words.format(arch, val).split())

    reading = Reading(resolution=96, normalise="half")
    exam = open_test("imagenet", str(val.parent), reading)
    expected = evaluate(spec.build(seed=1), exam.test_batches(16))
    assert figure(printed, "test images") == "50"
    assert figure(printed, "top-1") == f"{expected.right / 50:.2%} ({expected.right} of 50)"
    assert figure(printed, "top-5") == f"{expected.right5 / 50:.2%} ({expected.right5} of 50)"
    assert float(figure(printed, "loss")) == pytest.approx(expected.loss, abs=2e-4)
    assert figure(printed, "parameters") == f"{spec.parameters:,}"
    macs = int(figure(printed, "MACs").split()[0].replace(",", ""))
    assert macs < spec.macs / 4  # those at 96, not at 224
    assert re.match(r"[\d,]+ images/s .* waited for images \d+% ", figure(printed, "throughput"))
    known = int(figure(run_well(*words.format(arch, val).split(), "--limit", 20), "test images"))
    assert known == 20


def test_the_dataset_is_told_from_the_network(tmp_path: Path) -> None:
    arch = saved(load_spec("resnet20_cifar"), tmp_path / "network")
    chance = np.random.default_rng(0)
    pixels = chance.integers(0, 256, (12, 3, 32, 32), np.uint8)
    np.savez(tmp_path / "cifar.npz", x_test=pixels, y_test=np.arange(12) % 10)
    printed = well(run_here("eval.py", "--arch", arch, "--path", tmp_path / "cifar.npz"))
    assert figure(printed, "data") == "CIFAR-10"
    assert figure(printed, "test images") == "12"
    said = run_here("eval.py", "--arch", arch, "--path", tmp_path / "cifar.npz", "--resolution", 64)
    assert_refused(said, "cannot tell the dataset", "--dataset")


def test_a_published_network_without_weights_says_so() -> None:
    assert_refused(run_here("eval.py", "-a", "mobilenet_v1", "-p", "."), "mobilenet_v1", "weights")


def test_a_checkpoint_in_the_original_layout_is_the_published_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = load_spec("proxyless_mobile").build(seed=3)
    _, checkpoint = save_upstream(network, tmp_path / "proxyless_nas")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    (tmp_path / "val" / "n00000001").mkdir(parents=True)
    Image.new("RGB", (40, 40), (90, 10, 200)).save(tmp_path / "val" / "n00000001" / "a.png")
    (tmp_path / "wnids.txt").write_text("".join(f"n{index:08}\n" for index in range(1000)))
    words = ["eval.py", "-a", "proxyless_mobile", "-p", tmp_path, "--resolution", 32]
    exam = open_test("imagenet", str(tmp_path), Reading(resolution=32))
    expected = evaluate(network, exam.test_batches(1))
    assert float(figure(well(run_here(*words)), "loss")) == pytest.approx(expected.loss, abs=2e-4)
    checkpoint.write_bytes(checkpoint.read_bytes()[:-1000])
    assert_refused(run_here(*words), checkpoint.name, "delete")


def test_what_is_wrong_with_the_images_is_said(tmp_path: Path) -> None:
    arch = saved(load_spec("mobilenet_v2-w0.35"), tmp_path / "network")
    val = tmp_path / "val"
    (val / "n00000001").mkdir(parents=True)
    words = ["eval.py", "-a", arch, "-p", tmp_path, "--resolution", 32]
    assert_refused(run_here(*words), "1 of ImageNet's 1000 classes", "wnids.txt")
    (tmp_path / "wnids.txt").write_text("\n".join(f"n{number:08}" for number in range(1000)))
    assert_refused(run_here(*words), "n00000001 holds no images")
    (val / "n00000001" / "torn.JPEG").write_bytes(b"not a picture")
    assert_refused(run_here(*words), "torn.JPEG")
    Image.new("RGB", (40, 40)).save(val / "n00000001" / "torn.JPEG")
    assert figure(well(run_here(*words)), "test images") == "1"
    assert_refused(run_here(*words, "--dataset", "imagnet"), "--dataset")
    assert_refused(run_here(*words, "-q", 3), "no flag -q")
    assert_refused(run_here(*words, "-b", 0), "batch size 0")


def test_a_torn_image_ends_the_workers_at_once(tmp_path: Path) -> None:
    """Left to the garbage collector, each would keep the user waiting for 5 s."""
    (tmp_path / "val" / "class").mkdir(parents=True)
    (tmp_path / "val" / "class" / "torn.png").write_bytes(b"not a picture")
    exam = open_test("folder", str(tmp_path), Reading(resolution=32, workers=2))
    gc.disable()
    try:
        with pytest.raises(ValueError, match=r"torn\.png"):
            list(exam.test_batches(1))
        assert not active_children()
    finally:
        gc.enable()
