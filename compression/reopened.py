"""The folder of a training, opened again to score what is left on the images it learned by."""

from dataclasses import dataclass
from pathlib import Path

import torch
from msgspec.structs import replace
from torch import nn

from proxyless_nas.subject import Subject
from training.config import TrainConfig
from training.datasets import Dataset
from training.device import DeviceName, compute_exactly, keep_freed_memory, pick_device
from training.prepare import dataset_of
from training.run_folder import begun_config
from training.workers import Alone


@dataclass(frozen=True)
class Reopened:
    """How it was trained, on which data, and where a network is now."""

    config: TrainConfig
    data: Dataset
    device: torch.device


def reopened(
    folder: Path, network: nn.Module, subject: Subject, device: DeviceName, path: str | None
) -> Reopened:
    """Put a network on a device, and open its data, at another `path` if one is given.

    FileNotFoundError where the folder is not that of a training.
    """
    trained = begun_config(folder, TrainConfig)
    if trained is None:
        raise FileNotFoundError(f"no config.json in {folder}: the folder of a training is needed")
    place = pick_device(device)
    compute_exactly()
    if place.type == "cpu":
        keep_freed_memory()
    network.to(place)
    data = dataset_of(replace(trained, held_out=None, path=path or trained.path), subject, Alone())
    data.must_fit(subject.input, subject.classes)
    return Reopened(trained, data, place)
