"""What the workers cut out of image files is what torchvision's transforms cut out, bit for bit."""

import os
import signal
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
import torch
from PIL import Image

from tests.shared import shared
from training.datasets import Interpolation, Reading
from training.datasets.files import Centres, FileImages, load
from training.datasets.torchvision_door import torchvision


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """ImageNet's 500 real photographs, unpacked."""
    folder = tmp_path_factory.mktemp("photographs")
    with ZipFile(shared("data/imagenet_500.zip")) as archive:
        archive.extractall(folder)
    return folder / "imagenet_500"


def noise(folder: Path, width: int, height: int) -> str:
    """A picture in which every misplaced pixel shows."""
    pixels = np.random.default_rng(width).integers(0, 256, (height, width, 3), np.uint8)
    file = folder / f"{width}x{height}.png"
    Image.fromarray(pixels).save(file)
    return str(file)


def reference(file: str, side: int, interpolation: str) -> torch.Tensor:
    """How everybody evaluates ImageNet: torchvision's transforms on a PIL image."""
    transforms = torchvision.transforms
    mode = transforms.InterpolationMode(interpolation)
    cut = transforms.Compose(
        [
            transforms.Resize(int(side * 256 / 224), interpolation=mode),
            transforms.CenterCrop(side),
            transforms.PILToTensor(),
        ]
    )
    result: Any = cut(Image.open(file).convert("RGB"))
    return result


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic", "nearest"])
@pytest.mark.parametrize("side", [32, 160, 176])  # 160 * 256 / 224 is 182.9: the whole part counts
def test_centres_equal_torchvisions(
    tmp_path: Path, side: int, interpolation: Interpolation
) -> None:
    files = [noise(tmp_path, *size) for size in ((231, 187), (187, 231), (200, 200), (90, 301))]
    reading = Reading(resolution=side, interpolation=interpolation, workers=0)
    images = FileImages([(file, 7) for file in files], reading)
    for pixels, file in zip((x for x, _ in images.read(1, False)), files, strict=True):
        assert torch.equal(pixels[0], reference(file, side, interpolation)), file


def test_another_centre_looks_at_another_part(tmp_path: Path) -> None:
    file = noise(tmp_path, 64, 64)
    whole = FileImages([(file, 0)], Reading(resolution=64, centre=1.0, workers=0))
    ((pixels, _),) = whole.read(1, False)
    assert torch.equal(pixels[0], torch.from_numpy(np.array(Image.open(file))).permute(2, 0, 1))


@pytest.mark.slow
def test_real_photographs_equal_torchvisions(photographs: Path) -> None:
    files = sorted(str(file) for file in (photographs / "val").glob("*/*"))[::5]
    images = FileImages([(file, 0) for file in files], Reading(resolution=176, workers=2))
    expected = torch.stack([reference(file, 176, "bilinear") for file in files])
    assert torch.equal(torch.cat([x for x, _ in images.read(16, False)]), expected)


def test_a_published_networks_golden_crops_show_the_same_view(photographs: Path) -> None:
    """The golden crops were cut from larger originals, so pixels differ a little, but a view that
    is a hundredth wider or narrower differs more."""
    golden = np.load(shared("data/proxyless/golden_images_w03_r176.npz"))
    wnids = (photographs / "wnids.txt").read_text().split()
    names = [str(name) for name in golden["files"]]
    assert [wnids.index(name.split("_")[0]) for name in names] == golden["labels"].tolist()
    samples = [(str(photographs / "val" / name.split("_")[0] / name), 0) for name in names]
    crops = torch.from_numpy(golden["crops"]).permute(0, 3, 1, 2).float()

    def difference(centre: float) -> torch.Tensor:
        reading = Reading(resolution=176, centre=centre, workers=0)
        ((pixels, _),) = FileImages(samples, reading).read(len(samples), False)
        return (pixels - crops).abs().mean((1, 2, 3))

    wider, right, narrower = difference(0.885), difference(0.875), difference(0.865)
    assert bool((right < 7).all())
    assert bool((right < wider).all()) and bool((right < narrower).all())


@pytest.mark.filterwarnings("ignore:This DataLoader will create")  # on a single core
def test_the_number_of_workers_changes_nothing(tmp_path: Path) -> None:
    samples = [(noise(tmp_path, 80 + index, 90), index) for index in range(7)]

    def batches(workers: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
        return list(FileImages(samples, Reading(resolution=64, workers=workers)).read(3, False))

    alone = batches(0)
    assert [len(y) for _, y in alone] == [3, 3, 1]
    for workers in (1, 2):
        for (x, y), (x2, y2) in zip(alone, batches(workers), strict=True):
            assert torch.equal(x, x2) and torch.equal(y, y2)
            assert x2.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_torn_photograph_is_named_on_one_line(tmp_path: Path, workers: int) -> None:
    file = tmp_path / "torn.jpg"
    Image.open(noise(tmp_path, 200, 200)).save(file)
    file.write_bytes(file.read_bytes()[:2000])
    images = FileImages([(str(file), 0)], Reading(resolution=64, workers=workers))
    with pytest.raises(ValueError, match=r"torn\.jpg cannot be read as an image") as caught:
        list(images.read(1, False))
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_worker_that_was_killed_is_a_users_error(tmp_path: Path) -> None:
    class Deadly(Centres):
        def __getitem__(self, key: int) -> tuple[torch.Tensor, int]:
            os.kill(os.getpid(), signal.SIGKILL)
            return super().__getitem__(key)

    images = FileImages([(noise(tmp_path, 70, 70), 0)], Reading(resolution=64))
    with pytest.raises(OSError, match="fewer workers"):
        list(load(Deadly(images), [[0]], workers=1))
