"""Tune a model's loops with TVM's meta_schedule in this process, and use what was found before."""

import inspect
import logging
from collections.abc import Sequence
from typing import Any
from unittest import mock

import numpy as np
import onnx
import tvm
import tvm_ffi
from tvm import relax
from tvm.relax import transform
from tvm.s_tir import meta_schedule

from latency_tables.runtimes.tvm.records import Records, key_of
from latency_tables.runtimes.tvm.trials import Bench, BuildHere, RunHere
from proxyless_nas.progress import progress_bar

TRIALS_PER_ROUND = 16  # between two updates of the cost model
TOLERANCE = 1e-4  # of the largest output
POPULATION, UNMEASURED = 128, 32  # schedules bred at a time, those of them that must be new
tvm_ffi.register_error("KeyboardInterrupt", KeyboardInterrupt)  # else Ctrl-C is a RuntimeError


class Tuning:
    """The functions of one model on one target, and the records of that target.

    `module` is channels last. Weights are laid out anew as the fastest loops want them.
    """

    def __init__(self, module: tvm.IRModule, target: tvm.target.Target, records: Records) -> None:
        prepare = [
            transform.EliminateCommonSubexpr(),
            relax.get_pipeline("zero"),
            transform.AttachAttrLayoutFreeBuffers(),
        ]
        with target:
            self.module = tvm.transform.Sequential(prepare)(module)
        self.target = target
        self.records = records
        self.tasks = meta_schedule.relax_integration.extract_tasks(self.module, target)

    def todo(self, trials: int) -> list[Any]:
        """The functions that were never part of a model that had so many trials."""
        known = self.records.trials
        return [task for task in self.tasks if known(task.dispatched[0]) < trials]

    def run(self, todo: Sequence[Any], trials: int, name: str) -> None:
        """About `trials` trials in all; those of an interrupted run count.

        The last round may go over, and a function that has few schedules takes fewer.

        ValueError where every candidate fails.
        """
        found = self.records.found() if todo else {}
        left = trials - sum(found.get(key_of(task.dispatched[0]), 0) for task in todo)
        if not todo or left < 1:
            return
        contexts, bench = self._contexts(todo), Bench()
        scheduler = meta_schedule.task_scheduler.GradientBased()
        with progress_bar((), f"tuning {name}", left, unit="trial") as bar:

            def before_round(trials: int) -> None:
                """Write down what the rounds before this one found, instead of at the end."""
                for index in range(len(contexts)):
                    scheduler.touch_task(index)
                bar.update(trials)

            build_here: Any = BuildHere(bench, before_round)
            run_here: Any = RunHere(bench)
            meta_schedule.tune.tune_tasks(
                tasks=contexts,
                task_weights=[float(task.weight) for task in todo],
                work_dir=str(self.records.folder),
                max_trials_global=left,
                num_trials_per_iter=max(1, min(TRIALS_PER_ROUND, left // len(todo))),
                builder=build_here,
                runner=run_here,
                database=self.records.database,
                measure_callbacks=[
                    meta_schedule.measure_callback.AddToDatabase(),
                    meta_schedule.measure_callback.UpdateCostModel(),
                ],
                task_scheduler=scheduler,
            )
        if bench.count and len(bench.errors) == bench.count:
            raise ValueError(f"tvm cannot tune {name}: every trial failed: {bench.errors[-1]}")

    def finish(self, todo: Sequence[Any], trials: int) -> None:
        """Remember that these functions have had their trials."""
        for task in todo:
            self.records.finish(task.dispatched[0], trials)

    def applied(self) -> tvm.IRModule:
        """The model with the fastest loops that the records know."""
        with self.target, self.records.database, tvm.transform.PassContext(opt_level=3):
            module = transform.MetaScheduleApplyDatabase()(self.module)
            pack = [transform.SplitLayoutRewritePreproc(), transform.FoldConstant()]
            return tvm.transform.Sequential(pack)(module)

    def _contexts(self, todo: Sequence[Any]) -> list[Any]:
        logging.getLogger("tvm.s_tir.meta_schedule").setLevel(logging.ERROR)
        strategy = meta_schedule.search_strategy.EvolutionarySearch(
            population_size=POPULATION, genetic_num_iters=3, init_min_unmeasured=UNMEASURED
        )
        # TVM loads its intrinsics here. That parses much source, and for each piece it looks
        # through every loaded module; without the search it takes 6 s instead of up to 60.
        with mock.patch.object(inspect, "getmodule", lambda *_, **__: None):
            return [
                meta_schedule.TuneContext(
                    task.dispatched[0],
                    target=task.target,
                    space_generator="post-order-apply",
                    search_strategy=strategy.clone(),
                    task_name=task.task_name,
                    rand_state=seed,
                )
                for seed, task in enumerate(todo, start=1)
            ]


def check_same(tuned: Any, plain: Any, given: onnx.ModelProto, name: str) -> None:
    """ValueError where two executables of one model differ by more than rounding does."""
    sides = given.graph.input[0].type.tensor_type.shape.dim
    x = np.random.default_rng(0).standard_normal([side.dim_value for side in sides], np.float32)
    right, found = output(plain, x), output(tuned, x)
    difference, largest = np.abs(found - right).max(), np.abs(right).max()
    if not difference <= TOLERANCE * largest:
        raise ValueError(
            f"what the tuner found for {name} is wrong: it differs by {difference:.2g} where "
            f"outputs reach {largest:.2g}; move the folder of records away and tune again"
        )


def output(executable: Any, x: np.ndarray) -> np.ndarray:
    """What a compiled model makes of `x` on this machine."""
    machine = relax.VirtualMachine(executable, tvm.cpu())  # type: ignore[arg-type]
    return machine["main"](tvm.runtime.tensor(x)).numpy()
