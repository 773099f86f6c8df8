"""From a config to bits for each budget: judged, chosen, scored on test images, written."""

import time
from collections.abc import Sequence
from pathlib import Path

import torch
from msgspec import Struct
from msgspec.structs import replace

from compression.analysis.subject import exam_of, images_of, opened
from compression.quantizers.activations import RangeActivations
from compression.quantizers.fold import folded
from compression.quantizers.ranges import MeanSquare
from compression.quantizers.weights import RangeWeights
from latency_tables.simulate.presets import open_hardware
from proxyless_nas.bits import Bits
from proxyless_nas.counting import layers_of
from proxyless_nas.files import write_json
from proxyless_nas.layer import Layer
from search.asking import Journal, ask_and_tell
from search.choices import Choices, Evidence
from search.evaluators.rounded import RoundedNetwork
from search.precision.config import HaqConfig
from search.precision.strategies import most_uniform, strategy_of
from search.prices import Prices
from search.problems.precision import Precision
from training.datasets import Batch
from training.evaluate import Evaluation, evaluate
from training.run_folder import keep_same

BITS, FOUND, JOURNAL, FRONT = "bits.json", "found.json", "journal.jsonl", "front.json"
CONFIG = "config.json"


class FoundBits(Struct, frozen=True, forbid_unknown_fields=True):
    """found.json: what one budget has led to.

    `searched` is the divergence and accuracy on the images of the search, which flatter; `test` the
    score on test images, which chose nothing. Seconds are those of this process.
    """

    strategy: str
    budget: float
    cost: float
    eight_bits: float
    """What 8 bits everywhere cost."""
    unit: str
    judged: int
    seconds: float
    searched: tuple[float, float]
    test: Evaluation


def run_haq(config: HaqConfig) -> None:
    """The command."""
    source = opened(config)
    if source.fresh:
        raise ValueError(f"{source.name} has learned nothing: give --weights, or --pretrained")
    subject = source.subject
    whole = folded(source.network, subject.input)
    layers = layers_of(whole, subject.input)
    problem = Precision(subject.name, layers, config.weight_bits, config.activation_bits)
    prices = prices_of(config, problem)
    eight = prices.of(problem.uniform(problem.options[0]))
    budgets = [*config.budget, *(share * eight for share in config.share)]
    out = Path(config.out)
    keep_same(out / CONFIG, replace(config, out="", budget=(), share=()), "what is asked")
    images = images_of(config, subject)
    judged = list(images.test_batches(config.batch_size))
    rounded = RoundedNetwork(
        whole,
        problem,
        RangeWeights(range=MeanSquare()),
        RangeActivations(range=MeanSquare()),
        list(images.limited(config.calibrated_on).test_batches(config.batch_size)),
    )
    original = evaluate(whole, judged).top1
    test = exam_of(config, subject, None)
    judges = Judges(config, rounded, judged)
    front: list[FoundBits] = []
    for budget in budgets:
        start = time.perf_counter()
        folder = out / f"{budget:.6g}"
        folder.mkdir(parents=True, exist_ok=True)
        best, count = best_within(config, problem, prices, budget, original, judges, folder)
        seen = judges.whole(Choices(best))
        network = rounded.opened(best)
        found = FoundBits(
            strategy=config.strategy,
            budget=budget,
            cost=prices.of(best),
            eight_bits=eight,
            unit=prices.unit,
            judged=count,
            seconds=time.perf_counter() - start,
            searched=(float(seen.loss), float(seen.accuracy)),
            test=evaluate(network, test.test_batches(config.batch_size)),
        )
        problem.decode(best).save(folder / BITS)
        write_json(folder / FOUND, found)
        front.append(found)
    write_json(out / FRONT, front)
    print(told(front, original))


class Judges:
    """What strategies are answered; nothing is judged twice for all budgets together."""

    def __init__(self, config: HaqConfig, rounded: RoundedNetwork, judged: Sequence[Batch]) -> None:
        self._rounded, self._judged = rounded, judged
        self._known: dict[tuple[int, ...], Evidence] = {}
        x, y = (torch.cat(parts) for parts in zip(*judged, strict=True))
        self._steps = list(
            zip(x.split(config.step_images), y.split(config.step_images), strict=True)
        )

    def whole(self, choices: Choices) -> Evidence:
        """On all images."""
        if choices.options not in self._known:
            seen = self._rounded.evaluate(Choices(choices.options), self._judged)
            self._known[choices.options] = seen
        return self._known[choices.options]

    def __call__(self, number: int, choices: Choices) -> Evidence:
        """On all images, or where slopes are asked for on those of one step."""
        if choices.closed is None:
            return self.whole(choices)
        return self._rounded.evaluate(choices, [self._steps[number % len(self._steps)]])


def best_within(
    config: HaqConfig,
    problem: Precision,
    prices: Prices,
    budget: float,
    original: float,
    judges: Judges,
    folder: Path,
) -> tuple[tuple[int, ...], int]:
    """The options that a strategy ends with, and how many networks it has judged for that."""
    if config.strategy == "uniform":
        return most_uniform(problem, prices, budget), 0
    strategy, needed = strategy_of(config, problem, prices, budget, original)
    most = config.evaluations or needed
    title = f"{config.strategy}, {budget:.4g} {prices.unit}"
    count = ask_and_tell(strategy, judges, Journal(folder / JOURNAL), most, title)
    return strategy.best().options, count


def prices_of(config: HaqConfig, problem: Precision) -> Prices:
    """What every pair of bits costs in every layer."""
    if config.cost == "bytes":
        return problem.prices(_bytes, "bytes", config.ends, calls=False)
    if config.cost == "bops":
        return problem.prices(_operations, "bit operations", config.ends)
    hardware = open_hardware(config.hardware, problem.layers)
    if config.cost == "latency":
        return problem.prices(hardware.milliseconds, "ms", config.ends)
    return problem.prices(hardware.millijoules, "mJ", config.ends)


def _bytes(layer: Layer, bits: Bits) -> float:
    return layer.weights * bits.weights / 8


def _operations(layer: Layer, bits: Bits) -> float:
    return float(layer.macs * bits.weights * bits.activations)


def told(front: Sequence[FoundBits], original: float) -> str:
    """A line per budget."""
    lines = [f"{'budget':>12}{'cost':>12}{'of 8 bits':>11}{'judged':>8}{'seconds':>9}"
             f"{'KL':>9}{'search':>9}{'test':>9}"]  # fmt: skip
    for one in front:
        loss, accuracy = one.searched
        lines.append(
            f"{one.budget:>12.5g}{one.cost:>12.5g}{one.cost / one.eight_bits:>11.3f}"
            f"{one.judged:>8}{one.seconds:>9.1f}{loss:>9.4f}{accuracy:>9.2%}{one.test.top1:>9.2%}"
        )
    first = front[0]
    lines += [
        f"{first.strategy}, in {first.unit}; KL and accuracy of `search` on the images of the "
        f"search, where the network in float has {original:.2%}",
        f"`test`: {first.test.images:,} images that chose nothing",
    ]
    return "\n".join(lines)
