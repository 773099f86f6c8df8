"""Random parts of image files, as networks are trained on them: what a decoding process does."""

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate
from torch.utils.data import Dataset as TorchDataset

from proxyless_nas import Shape
from training.datasets import changes
from training.datasets.augmentation import Augmentation
from training.datasets.chance import generator
from training.datasets.class_folders import Sample
from training.datasets.decode import decoded_part, pixels_of
from training.datasets.normalisation import Normalisation
from training.datasets.random_box import Box, random_box
from training.datasets.reading import Interpolation


class RandomParts(TorchDataset[tuple[Tensor, int]]):
    """(epoch, index) -> a random part of that image, scaled and changed; the same for a seed.

    uint8 [H, W, C] and a label. The crop is drawn before everything else, so it does not depend
    on what else is done.
    """

    def __init__(
        self,
        samples: list[Sample],
        shape: Shape,
        interpolation: Interpolation,
        augmentation: Augmentation,
        normalisation: Normalisation,
        seed: int,
    ) -> None:
        self.samples, self.shape = samples, shape
        self.interpolation: Interpolation = interpolation
        self.augmentation, self.normalisation, self.seed = augmentation, normalisation, seed

    def __getitem__(self, key: tuple[int, int]) -> tuple[Tensor, int]:
        epoch, index = key
        file, label = self.samples[index]
        chance = generator(self.seed, "augment", epoch, index)

        def choose(height: int, width: int) -> Box:
            return random_box(height, width, chance, self.augmentation.scale)

        part = pixels_of(decoded_part(file, self.shape.height, choose))
        pixels = scaled(part, self.shape.height, self.interpolation)[None]
        drawn = changes.draw(self.augmentation, 1, self.shape, self.normalisation, chance)
        return torch.from_numpy(changes.apply(drawn, pixels)[0]), label


def scaled(pixels: Tensor, side: int, interpolation: Interpolation) -> np.ndarray:
    """uint8 [H, W, C] -> [side, side, C], seen through as wide a filter as scaling down needs.

    Torch does this with vector instructions. Its weights are rounded more coarsely than PIL's, so
    a pixel may differ from torchvision's by two of 255 levels; about one in a hundred does.
    """
    batch = pixels.permute(2, 0, 1)[None]
    if interpolation == "nearest":
        result = interpolate(batch, (side, side), mode="nearest-exact")
    else:
        result = interpolate(batch, (side, side), mode=interpolation, antialias=True)
    return _interleaved(result[0].numpy())


def _interleaved(planes: np.ndarray) -> np.ndarray:
    """[C, H, W] -> [H, W, C], plane by plane: less than half the time of a transposed copy."""
    result = np.empty((*planes.shape[1:], len(planes)), planes.dtype)
    for channel, plane in enumerate(planes):
        result[..., channel] = plane
    return result
