"""How fast do training images come, next to torchvision's usual way? Both, in one run.

torchvision's way is what its examples do: PIL images, `transforms` for each of them, a DataLoader.
Ours does the same to the same images, with as many processes. Both are timed in shuffled rounds,
from the request for a stream, which starts processes, to the last normalised batch that is asked
for, while both could go on; one thread per process. Images in memory are cut out by the training
process itself, so there both have none beside it.
"""

import os
import random
import time
import zipfile
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # as eval.py does

import torch
from msgspec import Struct
from PIL import Image
from torch.utils.data import DataLoader, RandomSampler
from torch.utils.data import Dataset as TorchDataset

from benchmarks.decoding import spread
from proxyless_nas.command import Command, run_one, short
from proxyless_nas.torchvision_door import torchvision
from training.datasets import Augmentation, Batch, Images, Reading, open_dataset, open_test
from training.device import keep_freed_memory

transforms = torchvision.transforms
SHIFT = 4
WARM_UP = 2  # batches: memory is claimed, files are read


class InputPipelineConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Compare the speed of our training images with that of torchvision's."""

    path: Annotated[str, short("p")]
    """Photographs: a .zip or folder with val/CLASS/*."""
    cifar10: str | None = None
    """CIFAR-10, in any form that `main.py --path` takes; default: looked for and fetched."""
    workers: Annotated[tuple[int, ...], short("j")] = (0, 2)
    """Numbers of decoding processes to try."""
    resolution: int = 224
    """Side of the crops of photographs."""
    batch_size: Annotated[int, short("b")] = 64
    """Images per step."""
    images: int = 4096
    """Photographs per measurement; of the small images twenty times as many."""
    rounds: int = 5
    """Measurements of each kind, shuffled."""


class Course(Struct, frozen=True):
    """The same images, changed in the same way, on both ways."""

    name: str
    workers: int
    batches: int
    batch_size: int
    ours: Callable[[], Iterable[Batch]]
    theirs: Callable[[], Iterable[Any]]


class Pictures(TorchDataset[tuple[Any, int]]):
    """Images in memory as torchvision's CIFAR10 keeps and gives them."""

    def __init__(self, images: Images, transform: Callable[[Any], Any]) -> None:
        pixels = torch.cat([pixels for pixels, _ in images.read(1000, pinned=False)])
        self.data = pixels.permute(0, 2, 3, 1).contiguous().numpy()
        self.targets = images.labels.tolist()
        self.transform = transform

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        return self.transform(Image.fromarray(self.data[index])), self.targets[index]


def usual(dataset: Any, batch_size: int, workers: int) -> DataLoader[Any]:
    """A shuffling loader that reads ahead for longer than anybody asks, as our streams do."""
    sampler = RandomSampler(dataset, num_samples=10**9)
    return DataLoader(dataset, batch_size, sampler=sampler, num_workers=workers, drop_last=True)


def small_images(config: InputPipelineConfig) -> Course:
    """CIFAR-10: moved by up to 4 pixels, mirrored, normalised."""
    images, size = open_dataset("cifar10", config.cifar10).train, 128
    count = 20 * config.images // size
    mean, std = images.normalisation.mean, images.normalisation.std
    changes = [
        transforms.RandomCrop(images.shape.height, padding=SHIFT),
        transforms.RandomHorizontalFlip(),
        transforms.ToTensor(),
        transforms.Normalize(mean, std),
    ]
    pictures = Pictures(images, transforms.Compose(changes))
    return Course(
        name="(a) 32x32 in memory",
        workers=0,
        batches=count,
        batch_size=size,
        ours=lambda: images.batches(size, 0, Augmentation(shift=SHIFT)).stream(),
        theirs=lambda: usual(pictures, size, 0),
    )


def photographs(
    config: InputPipelineConfig, val: str, workers: int, augmentation: Augmentation
) -> Course:
    """Random crops, mirrored, with or without other colours, normalised."""
    reading = Reading(resolution=config.resolution, workers=workers)
    images = open_test("folder", val, reading).test
    mean, std = images.normalisation.mean, images.normalisation.std
    jitter = [transforms.ColorJitter(0.4, 0.4, 0.4, 0.1)] if augmentation.colour else []
    changes = [
        transforms.RandomResizedCrop(config.resolution),
        transforms.RandomHorizontalFlip(),
        *jitter,
        transforms.ToTensor(),
        transforms.Normalize(mean, std),
    ]
    folder = torchvision.datasets.ImageFolder(val, transforms.Compose(changes))
    size = min(config.batch_size, len(images))
    count = config.images // size
    return Course(
        name=f"({'c' if jitter else 'b'}) JPEG to {config.resolution}{', colours' * bool(jitter)}",
        workers=workers,
        batches=count,
        batch_size=size,
        ours=lambda: images.batches(size, 0, augmentation).stream(),
        theirs=lambda: usual(folder, size, workers),
    )


def pace(course: Course, way: Callable[[], Iterable[Any]], batches: int) -> float:
    """Images per second of so many batches."""
    start = time.perf_counter()
    stream = iter(way())
    for _ in islice(stream, batches):
        pass
    return batches * course.batch_size / (time.perf_counter() - start)


def compare(course: Course, rounds: int, order: random.Random) -> None:
    """Print one row."""
    ours, theirs = [], []
    for way in (course.ours, course.theirs):
        pace(course, way, WARM_UP)
    for _ in range(rounds):
        ways = [(course.ours, ours), (course.theirs, theirs)]
        for way, found in order.sample(ways, 2):
            found.append(pace(course, way, course.batches))
    ratios = [mine / other for mine, other in zip(ours, theirs, strict=True)]
    print(
        f"{course.name:<24} {course.workers:>2}  {spread(ours, 0):<24} {spread(theirs, 0):<24} "
        f"{spread(ratios, 2)}",
        flush=True,
    )


def main(config: InputPipelineConfig) -> None:
    """Unpack if need be, measure, print one table."""
    torch.set_num_threads(1)
    keep_freed_memory()
    print(f"{config.rounds} rounds; images/s and ratios: median (min to max)")
    print(f"{'images':<24} {'j':>2}  {'ours':<24} {'torchvision':<24} ours / torchvision")
    order = random.Random(0)
    compare(small_images(config), config.rounds, order)
    with TemporaryDirectory(prefix="input-pipeline-") as unpacked:
        path = Path(config.path)
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                archive.extractall(unpacked)
            path = next(Path(unpacked).rglob("val"))
        val = str(path / "val" if (path / "val").is_dir() else path)
        for augmentation in (Augmentation(), Augmentation(colour="strong")):
            for workers in config.workers:
                compare(photographs(config, val, workers, augmentation), config.rounds, order)


if __name__ == "__main__":
    run_one("python -m benchmarks.input_pipeline", Command(InputPipelineConfig, main))
