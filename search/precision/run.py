"""From a config to bits for each budget: judged, chosen, scored on test images, written."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from msgspec.structs import replace
from torch import nn

from compression.analysis.subject import exam_of, images_of, opened_trained
from compression.quantizers.activations import RangeActivations
from compression.quantizers.fold import folded
from compression.quantizers.ranges import MeanSquare
from compression.quantizers.weights import CodebookWeights, RangeWeights
from proxyless_nas.bits import load_policy
from proxyless_nas.counting import layers_of
from proxyless_nas.files import read_json, write_json
from search.asking import ask_and_tell
from search.choices import Choices
from search.evaluators.curvature import curvature
from search.evaluators.rounded import RoundedNetwork
from search.journal import Journal
from search.precision.config import HaqConfig
from search.precision.costs import prices_of
from search.precision.found import BITS, FoundBits, told, write_tuning
from search.precision.judges import Judges
from search.precision.page import write_bits_page
from search.precision.strategies import probing, strategy_of, uniform_within
from search.prices import Prices
from search.problems.precision import Precision
from training.evaluate import Evaluation, evaluate
from training.run_folder import keep_same

CONFIG, FOUND, JOURNAL, PROBES, FRONT, PAGE = (
    "config.json", "found.json", "judged.jsonl", "probed.jsonl", "front.json", "bits.html",
)  # fmt: skip


class Spent(NamedTuple):
    """How many networks were judged, and how long that took."""

    judged: int = 0
    seconds: float = 0.0


class Alone(NamedTuple):
    """What each option of each layer loses alone, where that was asked for, and what that took."""

    losses: Sequence[np.ndarray] | None = None
    spent: Spent = Spent()


class Given(NamedTuple):
    """All that is the same for every budget."""

    config: HaqConfig
    problem: Precision
    prices: Prices
    judges: Judges
    rounded: RoundedNetwork
    score: Callable[[nn.Module], Evaluation]
    """On the test images."""
    original: float
    """Accuracy of the network in float on the images of the search."""
    float_test: Evaluation


def run_haq(config: HaqConfig) -> None:
    """The command. ValueError where nothing was learned, or no budget is given or can be met."""
    source = opened_trained(config)
    subject = source.subject
    whole = source.network.eval()
    if config.levels == "range":  # a codebook for all channels needs weights of one scale
        whole = folded(whole, subject.input)
    layers = layers_of(whole, subject.input)
    problem = Precision(subject.name, layers, *config.bits, config.ends)
    prices = prices_of(config, problem)
    budgets = budgets_of(config, prices)
    images, exam = images_of(config, subject), exam_of(config, subject, None)
    out = Path(config.out)
    same = replace(config, out="", path=None, budget=(), share=(), workers=None)
    keep_same(out / CONFIG, same, "what is asked")
    judged = list(images.test_batches(config.batch_size))
    rounded = RoundedNetwork(
        whole,
        problem,
        CodebookWeights() if config.levels == "codebook" else RangeWeights(range=MeanSquare()),
        RangeActivations(range=MeanSquare()),
        list(images.limited(config.calibrated_on).test_batches(config.batch_size)),
    )
    judges = Judges(rounded, judged, config.told_by_images, config.step_images)

    def score(network: nn.Module) -> Evaluation:
        return evaluate(network, exam.test_batches(config.batch_size))

    original = evaluate(whole, judged).top1
    given = Given(config, problem, prices, judges, rounded, score, original, score(whole))
    if missing := [one for one in budgets if not (folder_of(out, one) / FOUND).exists()]:
        alone = losses_alone(given, out)
        for budget in missing:
            search_within(given, alone, budget, folder_of(out, budget))
    front = [read_json(folder_of(out, budget) / FOUND, FoundBits) for budget in budgets]
    policies = [load_policy(folder_of(out, budget) / BITS, layers) for budget in budgets]
    write_json(out / FRONT, front)
    write_bits_page(out / PAGE, subject.name, front, policies)
    print(f"{told(front)}\n{out / PAGE} draws it")


def folder_of(out: Path, budget: float) -> Path:
    """Where what is found for a budget lies."""
    return out / f"{budget:.6g}"


def search_within(given: Given, alone: Alone, budget: float, folder: Path) -> None:
    """Write what a budget leads to; found.json comes last, and says that all is there."""
    folder.mkdir(parents=True, exist_ok=True)
    options, spent = within(given, alone, budget, folder)
    seen = given.judges.whole(Choices(options))
    given.problem.decode(options).save(folder / BITS)
    write_tuning(given.config, folder)
    found = FoundBits(
        strategy=given.config.strategy,
        budget=budget,
        cost=given.prices.of(options),
        most_bits=given.prices.most,
        unit=given.prices.unit,
        probed=alone.spent.judged,
        judged=spent.judged,
        seconds=spent.seconds,
        probing_seconds=alone.spent.seconds,
        searched=(float(seen.loss), float(seen.accuracy)),
        test=given.score(given.rounded.opened(options)),
        float_searched=given.original,
        float_test=given.float_test,
    )
    write_json(folder / FOUND, found)


def budgets_of(config: HaqConfig, prices: Prices) -> list[float]:
    """What may be spent. ValueError where nothing is said, or where that cannot be met."""
    budgets = [*config.budget, *(share * prices.most for share in config.share)]
    if not budgets:
        raise ValueError("give --budget, or --share of what the most bits cost")
    for budget in budgets:
        prices.must_allow(budget)
    return budgets


def losses_alone(given: Given, out: Path) -> Alone:
    """What each layer alone loses, if the strategy is one that wants to know."""
    if given.config.strategy not in ("knapsack", "gates"):
        return Alone()
    if given.config.told_by == "curvature":
        start = time.perf_counter()
        losses = curvature(given.rounded, given.judges.few.x)
        return Alone(losses, Spent(seconds=time.perf_counter() - start))
    strategy, journal = probing(given.problem, given.prices), Journal(out / PROBES)
    count = ask_and_tell(
        strategy, given.judges.by_few, journal, strategy.probes, "each layer alone"
    )
    return Alone(strategy.losses(), Spent(count, journal.seconds))


def within(
    given: Given, alone: Alone, budget: float, folder: Path
) -> tuple[tuple[int, ...], Spent]:
    """The options that a strategy ends with, and what that took."""
    config, problem, prices, judges = given.config, given.problem, given.prices, given.judges
    if config.strategy == "uniform":
        start = time.perf_counter()
        each = uniform_within(problem, prices, budget)
        best = min(each, key=lambda one: float(judges.whole(Choices(one)).loss))
        return best, Spent(len(each), time.perf_counter() - start)
    strategy, needed = strategy_of(config, problem, prices, budget, given.original, alone.losses)
    most, journal = config.evaluations or needed, Journal(folder / JOURNAL)
    title = f"{config.strategy}, {budget:.4g} {prices.unit}"
    count = ask_and_tell(strategy, judges, journal, most, title)
    return strategy.best().options, Spent(count, journal.seconds)
