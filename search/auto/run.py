"""Automatic compression, from a goal to files: search, make, measure, score, tell."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from msgspec.structs import replace
from torch import nn

from compression.int8.answers import answers_of, in_onnxruntime
from proxyless_nas.files import read_json, write_bytes, write_json
from proxyless_nas.locks import Locks
from search.auto.config import AutoConfig
from search.auto.costs import Limits
from search.auto.finish import (
    Made,
    best_of,
    made_of,
    policy_of,
    write_network,
    write_recipe,
)
from search.auto.given import Given, given_of
from search.auto.goal import Bound, Goal, Metric, read_goal
from search.auto.latency import Clock, File
from search.auto.page import Tried, front_of, write_report_page
from search.auto.report import Report, Stage
from search.auto.searching import ALONE, Found, Searching, must_be_possible
from search.choices import NotMet
from search.evaluators.compressed import CompressedNetwork
from search.journal import Journal
from search.problems.compressed import Compressed
from training.datasets import Batch
from training.evaluate import evaluate
from training.run_folder import keep_same

CONFIG, REPORT, FRONT, MODEL = "config.json", "report.json", "front.json", "model.onnx"
PAGE, LOCK = "report.html", ".making.lock"
ROUNDS = 6
CLOSE = 0.03


def auto(config: AutoConfig) -> None:
    """The command. ValueError where the goal is not understood, NotMet where it cannot be met."""
    goal = read_goal(config.goal)
    out = Path(config.out)
    if (out / REPORT).exists():
        keep_same(out / CONFIG, _same(config), "what is asked")
        print(read_json(out / REPORT, Report).told())
        return
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    given = given_of(config, goal)
    counted = tuple(one for one in goal.bounds if one.of in given.costs)
    if counted:
        within = Limits.of(Goal(counted, goal.drop), given.costs, given.nothing)
        must_be_possible(within, given.problem)
    keep_same(out / CONFIG, _same(config), "what is asked")
    searched = search(given)
    with Locks(out / LOCK).held(0, "another process makes what was found: waiting for it"):
        if not (out / REPORT).exists():
            tried = judged_of(given, searched.limits)
            report = make(given, searched, len(tried))
            policy = policy_of(given, report.compressed) if report.compressed.bits else None
            write_json(out / FRONT, front_of(tried))
            write_report_page(out / PAGE, report, tried, given.sizes.widths, policy)
            write_json(out / REPORT, report)
    print(f"{read_json(out / REPORT, Report).told()}\n{out / PAGE} draws it")


def _same(config: AutoConfig) -> AutoConfig:
    return replace(config, out="", path=None, workers=None, threads=None)


@dataclass(frozen=True)
class Searched:
    """What a search ended with; several processes may have shared it."""

    network: CompressedNetwork
    clock: Clock | None
    limits: Limits
    found: Found
    file: File | None
    seconds: dict[str, float]


def search(given: Given) -> Searched:
    """What is to be done; it leaves files, by which a later call goes on."""
    start = time.perf_counter()
    clock = clock_of(given)
    costs = dict(given.costs)
    if clock is not None:
        costs["latency"] = clock.cost(given.problem.stops)
    limits = Limits.of(given.goal, costs, given.nothing)
    must_be_possible(limits, given.problem)
    measuring = time.perf_counter() - start
    searching = Searching(given)
    losses, probing = searching.alone()
    found, file = decide(given, searching, limits, losses, clock)
    return Searched(
        network=searching.network,
        clock=clock,
        limits=limits,
        found=found,
        file=file,
        seconds={
            "measuring": measuring,
            "each change alone": probing,
            "together": found.seconds,
        },
    )


def clock_of(given: Given) -> Clock | None:
    """What measures latencies, where the goal has one that is not simulated."""
    measured = "latency" in given.goal.metrics and "latency" not in given.costs
    return Clock(given) if measured else None


def make(given: Given, searched: Searched, judged: int) -> Report:
    """Rounded, tuned, measured, scored and written; told with how many networks were `judged`."""
    clock, one, file = searched.clock, searched.found.compressed, searched.file
    write_recipe(given, one)
    making = time.perf_counter()
    made = made_of(given, searched.network, one)
    best = best_of(given, made)
    told = write_network(given, best.network, one)
    if clock is not None:
        file = clock.measured("made", best.network, one.int8)
        write_bytes(given.out / MODEL, file.data)
    return Report(
        network=given.subject.name,
        goal=given.config.goal,
        drop=given.goal.drop,
        compressed=one,
        stages=stages(given, made, best, file if one.int8 else None),
        test_images=len(given.exam.test),
        costs=spent(given.goal, searched.limits, one, file),
        bounds=given.goal.bounds,
        macs=round(given.costs["macs"](one)),
        judged=judged,
        seconds=searched.seconds | {"making": time.perf_counter() - making},
        files=(told, *((str(given.out / MODEL),) if file is not None else ())),
    )


def judged_of(given: Given, limits: Limits) -> list[Tried]:
    """Every network that was judged, in all calls."""
    journals = [given.out / ALONE, *sorted(given.out.glob("tried-*.jsonl"))]
    lines = {line.options: line for file in journals for line in Journal(file).lines}
    return [
        Tried(limits.told(given.problem.decode(options)), line.loss, line.accuracy)
        for options, line in lines.items()
    ]


def decide(
    given: Given, searching: Searching, limits: Limits, losses: Sequence[np.ndarray],
    clock: Clock | None,
) -> tuple[Found, File | None]:  # fmt: skip
    """What is done; where a latency is asked for, until what was measured meets it.

    A prediction is some per cent off, alike for networks that are alike: the aim moves by what it
    was wrong. NotMet where no network met it in a few rounds.
    """
    met: list[tuple[Found, File]] = []
    aim, seconds = limits, 0.0
    bound = next((one for one in limits.bounds if one.of == "latency"), None)
    for number in range(ROUNDS):
        try:
            found = searching.within(aim, losses, given.out / f"tried-{number}.jsonl")
        except NotMet:
            if met:
                break  # the aim has moved beyond what can be reached, and is met already
            raise
        if clock is None or bound is None:
            return found, None
        seconds += found.seconds
        one = found.compressed
        file = clock.measured(f"round {number}", searching.network.narrowed(one), one.int8)
        share = file.ms / bound.limit(file.whole_ms)
        if share <= 1:
            met.append((found, file))
            if share >= 1 - CLOSE or not one.gone:
                break
        aim = corrected(aim, bound, one, share)
    if not met:
        raise NotMet(
            f"no network of {ROUNDS} that were predicted to be fast enough was: measure again on a "
            "calmer machine, or ask for more"
        )
    best, file = min(met, key=lambda one: float(one[0].evidence.loss))
    return best._replace(seconds=seconds), file


def corrected(limits: Limits, bound: Bound, one: Compressed, share: float) -> Limits:
    """The same limits, with a latency that says of this network what was measured: a `share` of
    its bound."""
    before = limits.costs["latency"]
    predicted = before(one) / bound.limit(limits.whole["latency"])
    factor = share * (1 + CLOSE / 3) / predicted

    def cost(other: Compressed) -> float:
        return before(other) * (factor if other.gone or other.int8 else 1.0)

    return Limits({**limits.costs, "latency": cost}, limits.bounds, limits.whole)


def spent(
    goal: Goal, limits: Limits, one: Compressed, file: File | None
) -> dict[Metric, tuple[float, float]]:
    """Each cost of the whole network and of what is left; a latency as it was measured."""
    told = limits.told(one)
    found: dict[Metric, tuple[float, float]] = {
        of: (limits.whole[of], told[of]) for of in goal.metrics
    }
    if file is not None:
        found["latency"] = (file.whole_ms, file.ms)
    return found


def stages(
    given: Given, made: Sequence[Made], best: Made, integers: File | None
) -> tuple[Stage, ...]:
    """From the whole network to what was taken of those that were made, and the file of integers
    that was made of that, as ONNX Runtime answers it; test images score all."""
    whole = Stage("whole", evaluate(given.whole, given.judged).top1, _on_test(given, given.whole))
    in_order = sorted(made, key=lambda one: one is best)
    found = [Stage(one.how, one.judged.top1, _on_test(given, one.network)) for one in in_order]
    if integers is not None:
        batches = given.exam.test_batches(given.config.batch_size)
        scores = [_right(integers, images) for images in (given.judged, batches)]
        found.append(Stage("in integers", *scores))
    return (whole, *found)


def _right(file: File, batches: Iterable[Batch]) -> float:
    """The share of images that a file knows, in ONNX Runtime."""
    answers = answers_of({"file": in_onnxruntime(file.data)}, batches)["file"]
    return answers.right / answers.images


def _on_test(given: Given, network: nn.Module) -> float:
    return evaluate(network, given.exam.test_batches(given.config.batch_size)).top1
