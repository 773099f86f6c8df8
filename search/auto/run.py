"""Automatic compression, from a goal to files: search, make, measure, score, tell."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from msgspec.structs import replace
from torch import nn

from compression.int8.answers import answers_of, in_onnxruntime
from proxyless_nas.files import read_json, write_bytes, write_json
from proxyless_nas.locks import Locks
from search.auto.config import AutoConfig
from search.auto.costs import Limits
from search.auto.deciding import Decided, decide, tried_file
from search.auto.finish import (
    Made,
    best_of,
    made_of,
    policy_of,
    write_network,
    write_recipe,
)
from search.auto.given import Given, given_of
from search.auto.goal import Goal, Metric, read_goal
from search.auto.latency import Clock, File
from search.auto.page import Tried, front_of, write_report_page
from search.auto.report import Report, Stage
from search.auto.searching import ALONE, Searching, must_be_possible
from search.journal import Journal
from search.problems.compressed import Compressed
from training.datasets import Batch
from training.evaluate import evaluate
from training.run_folder import keep_same

CONFIG, REPORT, FRONT, MODEL = "config.json", "report.json", "front.json", "model.onnx"
PAGE, LOCK = "report.html", ".making.lock"


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
        must_be_possible(within, given.ways)
    keep_same(out / CONFIG, _same(config), "what is asked")
    searched = search(given)
    with Locks(out / LOCK).held(0, "another process makes what was found: waiting for it"):
        if not (out / REPORT).exists():
            tried = judged_of(given, searched.decided.limits)
            report = make(given, searched, len(tried))
            policy = policy_of(given, report.compressed) if report.compressed.bits else None
            write_json(out / FRONT, front_of(tried))
            write_report_page(out / PAGE, report, tried, given.sizes.widths, policy)
            write_json(out / REPORT, report)
    print(f"{read_json(out / REPORT, Report).told()}\n{out / PAGE} draws it")


def _same(config: AutoConfig) -> AutoConfig:
    return replace(config, out="", path=None, workers=None, threads=None, layers=None)


@dataclass(frozen=True)
class Searched:
    """What a search ended with; several processes may have shared it."""

    clock: Clock | None
    limits: Limits
    decided: Decided
    seconds: dict[str, float]


def search(given: Given) -> Searched:
    """What is to be done; it leaves files, by which a later call goes on."""
    start = time.perf_counter()
    clock = clock_of(given)
    costs = dict(given.costs)
    if clock is not None:
        costs["latency"] = clock.cost(given.problem.stops)
    limits = Limits.of(given.goal, costs, given.nothing)
    must_be_possible(limits, given.ways)
    measuring = time.perf_counter() - start
    searching = Searching(given)
    losses, probing = searching.alone()
    decided = decide(given, searching, limits, losses, clock)
    return Searched(
        clock=clock,
        limits=limits,
        decided=decided,
        seconds={
            "measuring": measuring,
            "each change alone": probing,
            "together": decided.found.seconds,
        },
    )


def clock_of(given: Given) -> Clock | None:
    """What measures latencies, where the goal has one that is not simulated."""
    return Clock(given, given.runtime) if given.runtime is not None else None


def make(given: Given, searched: Searched, judged: int) -> Report:
    """Rounded, tuned, measured, scored and written; told with how many networks were `judged`."""
    clock, one, file = searched.clock, searched.decided.found.compressed, searched.decided.file
    making = time.perf_counter()
    made = made_of(given, one)
    best = best_of(given, made)
    told = write_network(given, best.network)
    write_recipe(given, one, best.epochs)
    if clock is not None:
        file = clock.measured("made", best.network, one.int8, like=file)
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


def judged_of(given: Given, each: Sequence[Limits]) -> list[Tried]:
    """Every network that was judged, in all calls, at the cost that is known now `each` way."""
    found: list[Tried] = []
    for way, limits in zip(given.ways, each, strict=True):
        journals = [] if way.int8 else [given.out / ALONE]
        journals += sorted(given.out.glob(tried_file(way, "[0-9]*")))
        lines = {line.options: line for file in journals for line in Journal(file).lines}
        found += [
            Tried(limits.told(way.decode(options)), line.loss, line.accuracy)
            for options, line in lines.items()
        ]
    return found


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
