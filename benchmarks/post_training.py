"""How accurate is a trained network at few bits that it was not trained with, by each method?

Batch norms are folded; the first and the last layer have 8 bits; some training images calibrate
activations (and biases, and rounding); test images score. `8/8` are 8 bits of weights and of
activations, `4/-` are activations in float. A cell is the mean over draws of calibration images,
with its deviation where there is one.
"""

import statistics
from collections.abc import Callable
from copy import deepcopy

import torch
from msgspec.structs import replace
from torch import Tensor, nn

from compression.analysis.subject import ImagesConfig, exam_of, images_of, opened_trained
from compression.quantizers.activations import RangeActivations
from compression.quantizers.asking import uniformly
from compression.quantizers.fold import folded
from compression.quantizers.place import Asked, quantizable, quantize
from compression.quantizers.ranges import AnyRange, Entropy, MeanSquare, MinMax, Percentile
from compression.quantizers.reconstruct import Reconstruction, reconstruct
from compression.quantizers.repair import correct_biases
from compression.quantizers.weights import AnyWeights, CodebookWeights, PowerWeights, RangeWeights
from proxyless_nas.command import Command, run_one
from proxyless_nas.layer import Shape
from training.datasets import Batch
from training.evaluate import evaluate

Bits = tuple[int, int | None]
CELLS: tuple[Bits, ...] = ((8, 8), (6, 6), (4, 4), (4, None))
After = Callable[[nn.Module, nn.Module, Tensor], object]
Method = tuple[AnyWeights, AnyRange, After | None]


class PostTrainingConfig(ImagesConfig, frozen=True, kw_only=True):
    """Compare ways to quantize a trained network without training it."""

    draws: int = 3
    """Draws of calibration images, from --seed on."""
    steps: int = 500
    """Steps per layer of the reconstruction."""


def methods(steps: int) -> dict[str, Method]:
    """Weights, the range of activations, and what is done afterwards, by name."""

    def rounding(network: nn.Module, whole: nn.Module, images: Tensor) -> object:
        return reconstruct(network, whole, images, Reconstruction(steps=steps))

    square = RangeWeights(range=MeanSquare())
    return {
        "min-max, one step per tensor": (RangeWeights(per="tensor"), MinMax(), None),
        "min-max": (RangeWeights(), MinMax(), None),
        "min-max, asymmetric": (RangeWeights(symmetric=False), MinMax(), None),
        "percentile": (RangeWeights(range=Percentile()), Percentile(), None),
        "entropy": (RangeWeights(range=MeanSquare()), Entropy(), None),
        "mean square": (square, MeanSquare(), None),
        "mean square, groups of 16": (replace(square, group=16), MeanSquare(), None),
        "mean square, biases corrected": (square, MeanSquare(), correct_biases),
        "mean square, rounding learned": (square, MeanSquare(), rounding),
        "codebook": (CodebookWeights(), MeanSquare(), None),
        "powers of two": (PowerWeights(), MeanSquare(), None),
    }


def quantized(whole: nn.Module, method: Method, bits: Bits, batches: list[Batch]) -> nn.Module:
    """A copy of `whole` with these bits."""
    weights, reach, after = method
    of_weights, of_activations = bits
    flowing = None if of_activations is None else RangeActivations(bits=of_activations, range=reach)
    both = Asked(weights=replace(weights, bits=of_weights), activations=flowing)
    network = deepcopy(whole)
    x = torch.cat([x for x, _ in batches])
    order = quantizable(whole, Shape(*x.shape[1:]))
    quantize(network, uniformly(both, order, 8), batches)
    if after is not None:
        after(network, whole, x)
    return network


def main(config: PostTrainingConfig) -> None:
    """Print a row per method."""
    source = opened_trained(config)
    subject = source.subject
    whole = folded(source.network, subject.input)
    exam = exam_of(config, subject, None)

    def score(network: nn.Module) -> float:
        return 100 * evaluate(network, exam.test_batches(config.batch_size)).top1

    draws = [
        list(
            images_of(replace(config, seed=config.seed + draw), subject).test_batches(
                config.batch_size
            )
        )
        for draw in range(config.draws)
    ]
    print(
        f"{subject.name}: {score(whole):.2f} % in float, of {len(exam.test):,} test images; "
        f"{config.limit} images calibrate, {config.draws} draws"
    )
    names = [f"{w}/{'-' if a is None else a}" for w, a in CELLS]
    print(f"{'':<32}" + "".join(f"{name:>16}" for name in names))
    for name, method in methods(config.steps).items():
        cells: list[str] = []
        for bits in CELLS:
            found = [score(quantized(whole, method, bits, batches)) for batches in draws]
            deviation = f" ± {statistics.stdev(found):.2f}" if len(found) > 1 else ""
            cells.append(f"{statistics.mean(found):.2f}{deviation}")
        print(f"{name:<32}" + "".join(f"{cell:>16}" for cell in cells), flush=True)


if __name__ == "__main__":
    run_one("python -m benchmarks.post_training", Command(PostTrainingConfig, main))
