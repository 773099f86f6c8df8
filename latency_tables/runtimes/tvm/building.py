"""Compile a model with TVM, its loops ordered by hand, by the tuner, or not at all."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import onnx
import tvm
from msgspec import Struct
from tvm.relax.frontend.onnx import from_onnx

from latency_tables.head import ScheduleName
from latency_tables.model import Model
from latency_tables.reasons import last_line
from latency_tables.runtimes.tvm.convolutions import lowered
from latency_tables.runtimes.tvm.layout import channels_last, imported
from latency_tables.runtimes.tvm.records import records_of
from latency_tables.runtimes.tvm.registers import registers_of
from latency_tables.runtimes.tvm.schedules import scheduled
from latency_tables.runtimes.tvm.tuning import Tuning, check_same


class Recipe(Struct, frozen=True):
    """How a model is made fast.

    "hand": our own schedules (see `schedules`). "none": TVM's loops as they come. "tuned": TVM's
    tuner with so many `trials` per model; `records` is the folder that keeps what it found (without
    one, the runtime makes one that goes with it).
    """

    schedule: ScheduleName = "hand"
    trials: int = 0
    records: str | None = None

    def __post_init__(self) -> None:
        if self.schedule == "tuned" and self.trials < 1:
            raise ValueError(f"--schedule tuned needs --trials above 0, not {self.trials}")
        if self.schedule != "tuned" and (self.trials or self.records):
            raise ValueError(
                f"--schedule {self.schedule} does not tune: --trials and --records belong to "
                "--schedule tuned"
            )

    def options(self) -> dict[str, str]:
        """For the head of a table."""
        tuning = {"trials": str(self.trials)} if self.schedule == "tuned" else {}
        return {"schedule": self.schedule, **tuning}


def build(model: Model, target: dict[str, Any], recipe: Recipe) -> Any:
    """The executable.

    ValueError where TVM cannot read or compile the model, and where what the tuner found computes
    something else.
    """
    goal = tvm.target.Target(target)
    if recipe.schedule != "tuned":
        with _named_error(model.name):
            given = read(model)
            if recipe.schedule == "none":
                return _untuned(given, goal)
            return tvm.compile(by_hand(given, goal), target=goal)
    if recipe.records is None:
        raise ValueError("tuning needs a folder of records")
    return _tuned(model, goal, recipe.trials, recipe.records)


def by_hand(given: onnx.ModelProto, target: tvm.target.Target) -> tvm.IRModule:
    """The model as functions of loops, ordered by our own schedules."""
    module = lowered(channels_last(imported(given)), registers_of(target))
    return scheduled(module, target)


def _untuned(given: onnx.ModelProto, target: tvm.target.Target) -> Any:
    module = from_onnx(given, keep_params_in_input=False)  # type: ignore[arg-type]
    return tvm.compile(module, target=target)


def _tuned(model: Model, target: tvm.target.Target, trials: int, folder: str) -> Any:
    """Tune what the records do not know yet, and check that the result computes the same as before.

    Every time: once in some dozens of tunings, the tuner kept loops that compute something else.
    """
    with _named_error(model.name):
        given = read(model)
        tuning = Tuning(channels_last(imported(given)), target, records_of(folder, target))
    todo = tuning.todo(trials)
    tuning.run(todo, trials, model.name)
    with _named_error(model.name):
        executable = tvm.compile(tuning.applied(), target=target)
        plain = _untuned(given, target)
    check_same(executable, plain, given, model.name)
    if todo:
        tuning.finish(todo, trials)
    return executable


def read(model: Model) -> onnx.ModelProto:
    """The model as ONNX, with the shape of every value."""
    given = model.onnx()
    if not isinstance(given, onnx.ModelProto):
        given = onnx.load_from_string(given) if isinstance(given, bytes) else onnx.load(given)
    _give_it_a_kernel(given)
    return onnx.shape_inference.infer_shapes(given)  # TVM wants to know the output's shape


@contextmanager
def _named_error(name: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # TVM's errors share no narrower base
        raise ValueError(f"tvm cannot compile {name}: {last_line(error)}") from error


def _give_it_a_kernel(model: onnx.ModelProto) -> None:
    """Let a model that computes nothing take absolute values instead.

    TVM cannot link a library without a kernel for another processor. The model is the empty call
    of a table, on a few hundred numbers: its one kernel takes well below 1 us.
    """
    for node in model.graph.node:
        if node.op_type != "Identity":
            return
    model.graph.node[0].op_type = "Abs"
