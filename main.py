"""Train a network, on one worker or many, and say how good it is."""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # idle threads leave the cores to decoders

import torch
from msgspec.structs import replace

from proxyless_nas.command import Command, run_one
from proxyless_nas.files import write_json
from proxyless_nas.subject import Subject
from proxyless_nas.weights import save_tensors
from training.config import MAY_DIFFER, TrainConfig
from training.device import keep_freed_memory, pick_device
from training.evaluate import Evaluation
from training.loop import Loop
from training.plan import Plan, make_plan, with_global_batch
from training.prepare import (
    batches_of,
    dataset_of,
    learner_of,
    share_of_cores,
    subject_of,
)
from training.run_folder import RunFolder, begun_config
from training.watch import Pace
from training.workers import Workers, join_workers


def main(config: TrainConfig) -> None:
    """Join the other workers, train, score, and let the first worker write and tell it."""
    device = pick_device("cpu" if config.no_cuda else config.device)
    subject = subject_of(config)
    config = replace(config, out=config.out or f"{config.log_dir}/{run_name(config, subject)}")
    with join_workers(config.distributed, device.type == "cuda") as workers:
        torch.set_num_threads(config.threads or share_of_cores(workers))
        if device.type == "cpu":
            keep_freed_memory()
        train(config, subject, device, workers)


def train(config: TrainConfig, subject: Subject, device: torch.device, workers: Workers) -> None:
    """What every worker does."""
    assert config.out is not None
    begun = begun_config(config.out, TrainConfig) if workers.first and config.resume else None
    config = with_global_batch(config, workers.broadcast(begun), workers)
    data = dataset_of(config, subject, workers)
    plan = make_plan(config, len(data.train), workers)
    learner = learner_of(config, subject, plan, device, workers)
    folder = RunFolder(config.out, config, MAY_DIFFER, config.resume) if workers.first else None
    if folder is not None:
        print(opening(config, subject, plan, device, workers), flush=True)
    loop = Loop(learner, plan, config, batches_of(config, data, plan, workers), data.test, folder)
    pace = loop.run()
    result = loop.finish()
    state = learner.result.state_dict()
    digest = workers.must_agree(list(state.values()))
    if folder is not None:
        save_tensors(folder.path / "weights.pt", state)
        if subject.spec is not None:
            subject.spec.save(str(folder.path / "spec.json"))
        write_json(folder.path / "result.json", result)
        print(closing(config, subject, folder, result, pace))
        print(f"weights and statistics: sha256 {digest[:16]}, {shared_by(workers)}")


def run_name(config: TrainConfig, subject: Subject) -> str:
    """The original's name for a run's folder."""
    parts = [subject.name, str(config.epochs), config.lr_scheduler]
    parts += ["color_jitter"] if config.color_jitter else []
    parts += ["label_smoothing"] if config.label_smoothing else []
    return "-".join(parts)


def opening(
    config: TrainConfig, subject: Subject, plan: Plan, device: torch.device, workers: Workers
) -> str:
    """Who trains what, and how a step is divided."""
    where = torch.cuda.get_device_name() if device.type == "cuda" else "CPU"
    threads = f", {counted(torch.get_num_threads(), 'thread')} each" if device.type == "cpu" else ""
    share = plan.global_batch // workers.size
    passes = f" in {plan.passes} passes" if plan.passes > 1 else ""
    return (
        f"{subject.name}: {counted(workers.size, 'worker')} ({workers.engine}), {where}{threads}; "
        f"{plan.global_batch} images per step = {workers.size} x {share}{passes}; "
        f"{plan.steps:,} steps; peak learning rate {plan.peak_lr:.4g}; {config.out}"
    )


def counted(count: int, what: str) -> str:
    """`1 worker`, `2 workers`."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def shared_by(workers: Workers) -> str:
    """Who was found to hold the same numbers."""
    return "one worker" if workers.size == 1 else f"the same in all {workers.size} workers"


def closing(
    config: TrainConfig, subject: Subject, folder: RunFolder, result: Evaluation, pace: Pace
) -> str:
    """How good the network is, and how fast it was trained."""
    scored = "test images" if config.held_out is None else "held-out training images"
    lines = [
        f"{subject.name}: top-1 {result.top1:.2%}, top-5 {result.top5:.2%}, loss {result.loss:.4f} "
        f"on {result.images:,} {scored}; weights in {folder.path / 'weights.pt'}"
    ]
    if pace.images:
        lines.append(
            f"trained at {pace.images_per_second:,.0f} images/s, waited for images "
            f"{pace.waited / pace.seconds:.0%} of the time"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    run_one("python main.py", Command(TrainConfig, main))
