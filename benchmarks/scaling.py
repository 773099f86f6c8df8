"""What does a second worker bring, and what do messages cost?

Whole training steps, as main.py takes them, on random images that lie on the device already, with
as many images per worker whatever their number. In every round, in shuffled order: one worker; N
strangers, which run side by side without a message and show what sharing the machine costs; and N
workers under mpirun with Horovod and under torchrun with torch.distributed, gradients travelling as
float32 and as float16. Each is a fresh launch, which gets this process's environment. A worker has
one CPU thread and is bound to no core.

A step takes what rank 0's clock says of many, from when all workers are ready. `gradients` is what
one worker contributes to the all-reduce per step, counted: parameters times 4 or 2 bytes;
`statistics` is its other message, 4 bytes per running statistic and 4 for the loss. `message alone`
is an all-reduce of as many bytes as the gradients have, in one piece, while nothing else goes on;
in a step it is hidden in part behind the backward pass. Efficiency is `images/s` divided by N.
"""

import importlib.util
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated, Literal, get_args

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # as main.py does

import msgspec
import torch
from msgspec import Struct

from benchmarks.decoding import spread
from benchmarks.training_speed import CALM, finish, learner_for, random_batch, teach
from proxyless_nas.command import Command, run_one, short
from proxyless_nas.progress import progress_bar
from proxyless_nas.subject import open_subject
from training.batch_norm import statistics
from training.config import TrainConfig
from training.device import DeviceName, keep_freed_memory, pick_device
from training.prepare import subject_of
from training.workers import Alone, Workers, join_workers

Kind = Literal["alone", "strangers", "horovod", "horovod-fp16", "torch", "torch-fp16"]
NAMES: dict[Kind, str] = {
    "alone": "one worker",
    "strangers": "N strangers",
    "horovod": "Horovod",
    "horovod-fp16": "Horovod, fp16 gradients",
    "torch": "torch.distributed",
    "torch-fp16": "torch.distributed, fp16",
}
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",  # torchrun warns without it
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
}
MPIRUN = Path(sys.executable).with_name("mpirun")
GRACE = 10.0  # seconds in which a launcher must end its workers


class ScalingConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Compare training steps of one worker with those of several that average gradients."""

    arch: Annotated[str, short("a")] = "proxyless_gpu"
    """The network: a name or a file."""
    side: int = 64
    """Side of the images."""
    batch_size: Annotated[int, short("b")] = 16
    """Images per step of each worker."""
    workers: int = 2
    """N: workers, all on this machine."""
    rounds: int = 5
    """Launches of each kind, shuffled."""
    steps: int = 10
    """Timed steps per launch."""
    warm_up: int = 3
    """Steps before them."""
    device: DeviceName = "auto"
    """Where networks run; each worker needs a GPU of its own, if any."""
    launch_seconds: float = 600.0
    """A launch that takes longer is ended, and so is the benchmark."""
    rank_of: Kind | None = None
    """Be one of the workers of that kind (used by the benchmark itself)."""


class Report(Struct, frozen=True):
    """What rank 0 has to say of one launch."""

    step: float
    """Milliseconds."""
    message: float
    """Milliseconds of an all-reduce of all gradients, by itself."""
    gradients: int
    """Bytes per step and worker."""
    statistics: int
    """Bytes per step and worker."""


def be_worker(kind: Kind, config: ScalingConfig) -> None:
    """Take steps together with the others; rank 0 prints a Report."""
    torch.set_num_threads(1)
    device = pick_device(config.device)
    if device.type == "cpu":
        keep_freed_memory()
    with join_workers("auto", device.type == "cuda") as workers:
        report = measure(kind, config, device, workers)
        if workers.first:
            print(msgspec.json.encode(report).decode(), flush=True)


def measure(kind: Kind, config: ScalingConfig, device: torch.device, workers: Workers) -> Report:
    """Time steps and one message; RuntimeError if the workers do not hold equal weights then."""
    talking = kind not in ("alone", "strangers")
    training = TrainConfig(
        arch=config.arch,
        resolution=config.side,
        batch_size=config.batch_size,
        base_lr=CALM,
        fp16_allreduce=kind.endswith("fp16"),
    )
    learner = learner_for(training, device, workers if talking else Alone())
    subject = subject_of(training)
    batch = random_batch(
        *(config.batch_size, subject.input, subject.classes, workers.rank),
        *(device, torch.channels_last),
    )
    teach(learner, [batch] * config.warm_up)
    wait_for_all(workers, device)
    seconds = teach(learner, [batch] * config.steps)
    wait_for_all(workers, device)
    if not talking:
        return Report(1e3 * seconds / config.steps, 0.0, 0, 0)
    workers.must_agree(list(learner.network.state_dict().values()))
    form = torch.float16 if training.fp16_allreduce else torch.float32
    flat = torch.zeros(
        sum(p.numel() for p in learner.network.parameters()), dtype=form, device=device
    )
    return Report(
        step=1e3 * seconds / config.steps,
        message=message_ms(flat, config.steps, workers),
        gradients=flat.numel() * flat.element_size(),
        statistics=4 * (sum(one.numel() for one in statistics(learner.network)) + 1),
    )


def wait_for_all(workers: Workers, device: torch.device) -> None:
    """Return when every worker has come here and its device has nothing left to do."""
    workers.sum(torch.zeros((), device=device))
    finish(device)


def message_ms(flat: torch.Tensor, times: int, workers: Workers) -> float:
    """Milliseconds in which all workers sum `flat`."""
    workers.sum(flat)  # untimed: buffers are made
    wait_for_all(workers, flat.device)
    start = time.perf_counter()
    for _ in range(times):
        workers.sum(flat)
    finish(flat.device)
    return 1e3 * (time.perf_counter() - start) / times


def command_of(kind: Kind, config: ScalingConfig) -> list[str]:
    """The command line of one launch. The strangers are started by torchrun, to start at once."""
    program = ["-m", "benchmarks.scaling", f"--rank-of={kind}"]
    for name in ("arch", "side", "batch_size", "steps", "warm_up", "device"):
        program.append(f"--{name.replace('_', '-')}={getattr(config, name)}")
    if kind == "alone":
        return [sys.executable, *program]
    if kind.startswith("horovod"):
        mpirun = [str(MPIRUN), "-np", str(config.workers), "--oversubscribe", "--bind-to", "none"]
        return [*mpirun, sys.executable, *program]
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    return [*torchrun, "--nproc-per-node", str(config.workers), *program]


def launch(kind: Kind, config: ScalingConfig) -> Report:
    """Run to the end; OSError with what the workers said when they fail or take too long."""
    with subprocess.Popen(
        command_of(kind, config),
        env={**os.environ, **ENVIRONMENT},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as launcher:
        try:
            output, errors = launcher.communicate(timeout=config.launch_seconds)
        except subprocess.TimeoutExpired:
            launcher.terminate()  # which ends its workers too
            try:
                launcher.communicate(timeout=GRACE)
            except subprocess.TimeoutExpired:
                launcher.kill()
            raise TimeoutError(f"{NAMES[kind]} took over {config.launch_seconds:.0f} s") from None
    found = [line for line in output.splitlines() if line.startswith('{"step"')]
    if launcher.returncode or len(found) != 1:
        raise ChildProcessError(
            f"{NAMES[kind]} ended with {launcher.returncode}:\n{errors[-2000:]}"
        )
    return msgspec.json.decode(found[0], type=Report)


def missing(kind: Kind) -> str | None:
    """Why that kind cannot be started here."""
    there = importlib.util.find_spec("horovod") is not None and MPIRUN.exists()
    if kind.startswith("horovod") and not there:
        return "not installed: `make horovod` builds it"
    return None


def row(kind: Kind, reports: dict[Kind, list[Report]], workers: int) -> str:
    """One line: times, and ratios round by round."""
    steps, alone, strangers = (
        [report.step for report in reports[one]] for one in (kind, "alone", "strangers")
    )
    to_alone = [mine / one for mine, one in zip(steps, alone, strict=True)]
    to_strangers = [mine / one for mine, one in zip(steps, strangers, strict=True)]
    count = 1 if kind == "alone" else workers
    line = (
        f"{NAMES[kind]:<25} {spread(steps, 1):<24} {spread(to_alone, 2):<21}"
        f" {spread([count / ratio for ratio in to_alone], 2):<21}"
    )
    one = reports[kind][0]
    if one.gradients:
        messages = [report.message for report in reports[kind]]
        line += (
            f" {spread(to_strangers, 2):<21} {one.gradients / 1e6:>13.3f}"
            f" {one.statistics / 1e6:>14.3f}  {spread(messages, 1)}"
        )
    return line.rstrip()


def main(config: ScalingConfig) -> None:
    """Measure and print one table."""
    if config.rank_of is not None:
        be_worker(config.rank_of, config)
        return
    name = open_subject(config.arch, config.side).name  # a wrong one is refused before any launch
    kinds = [kind for kind in get_args(Kind) if missing(kind) is None]
    reports: dict[Kind, list[Report]] = {kind: [] for kind in kinds}
    order = random.Random(0)
    launches = [kind for _ in range(config.rounds) for kind in order.sample(kinds, len(kinds))]
    for kind in progress_bar(launches, "launches", len(launches), unit="launch"):
        reports[kind].append(launch(kind, config))
    print(
        f"{name} at {config.side}x{config.side}, {config.batch_size} images per worker, "
        f"N = {config.workers} workers on {os.cpu_count()} cores, {config.rounds} rounds of "
        f"{config.steps} steps; median (min to max)"
    )
    print(
        f"{'':<25} {'step, ms':<24} {'step / one worker':<21} {'images/s / one worker':<21}"
        f" {'step / strangers':<21} {'gradients, MB':>13} {'statistics, MB':>14}  message alone, ms"
    )
    for kind in get_args(Kind):
        why = missing(kind)
        print(row(kind, reports, config.workers) if why is None else f"{NAMES[kind]:<25} {why}")


if __name__ == "__main__":
    run_one("python -m benchmarks.scaling", Command(ScalingConfig, main))
