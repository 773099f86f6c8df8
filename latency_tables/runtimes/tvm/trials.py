"""Build and time the tuner's candidates in this process: no workers, the clock of our tables."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tvm
from tvm.ir.utils import derived_object
from tvm.s_tir.meta_schedule.builder import BuilderResult, PyBuilder
from tvm.s_tir.meta_schedule.runner import PyRunner, PyRunnerFuture, RunnerResult
from tvm.s_tir.transform import RemoveWeightLayoutRewriteBlock

from latency_tables.statistics import p10
from latency_tables.stopwatch import thread_time

TRIAL_NS = 4e6  # each candidate is called for so long


class Bench:
    """Where candidates lie between building and timing, by a number, and why some failed."""

    def __init__(self) -> None:
        self.libraries: dict[str, Any] = {}
        self.count = 0
        self.errors: list[str] = []

    def failed(self, error: Exception) -> str:
        """Keep why; a candidate that fails is a bad one, not the end."""
        self.errors.append(str(error).strip()[-500:])
        return self.errors[-1]


@derived_object
class BuildHere(PyBuilder):
    """Compiles candidates for the bench; `before_round` is told how many will come."""

    def __init__(self, bench: Bench, before_round: Callable[[int], None]) -> None:
        super().__init__()
        self.bench = bench
        self.before_round = before_round

    def build(self, build_inputs: Sequence[Any]) -> list[BuilderResult]:
        self.before_round(len(build_inputs))
        return [self._built(given) for given in build_inputs]

    def _built(self, given: Any) -> BuilderResult:
        self.bench.count += 1
        name = str(self.bench.count)
        try:
            # Weights are laid out again when they are packed, outside of what is timed.
            module = RemoveWeightLayoutRewriteBlock(skip_tensor_rewrite=True)(given.mod)
            self.bench.libraries[name] = tvm.tirx.build(module, target=given.target)
        except Exception as error:  # TVM's errors share no narrower base
            return BuilderResult(None, self.bench.failed(error))
        return BuilderResult(name, None)


@derived_object
class Known(PyRunnerFuture):
    """A result that is there already."""

    def __init__(self, known: RunnerResult) -> None:
        super().__init__()
        self.known = known

    def done(self) -> bool:
        return True

    def result(self) -> RunnerResult:
        return self.known


@derived_object
class RunHere(PyRunner):
    """Times what `BuildHere` left on the bench."""

    def __init__(self, bench: Bench) -> None:
        super().__init__()
        self.bench = bench

    def run(self, runner_inputs: Sequence[Any]) -> list[Any]:
        return [Known(self._timed(given)) for given in runner_inputs]

    def _timed(self, given: Any) -> RunnerResult:
        library = self.bench.libraries.pop(given.artifact_path)
        generator = np.random.default_rng(0)
        arguments = [
            tvm.runtime.tensor(generator.random(tuple(map(int, one.shape))).astype(one.dtype))
            for one in given.args_info
        ]
        function = library["main"]
        try:
            function(*arguments)
            spent, _ = thread_time().time(lambda: function(*arguments), TRIAL_NS)
        except Exception as error:  # TVM's errors share no narrower base
            return RunnerResult(None, self.bench.failed(error))
        return RunnerResult([p10(spent) / 1e9], None)
