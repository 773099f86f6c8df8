"""What a training run says of itself: its name, its opening line, its closing lines."""

import torch

from proxyless_nas.subject import Subject
from training.config import TrainConfig
from training.evaluate import Evaluation
from training.plan import Plan
from training.watch import Pace
from training.workers import Workers


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


def scored_images(config: TrainConfig) -> str:
    """What the images are on which a run is scored."""
    return "test images" if config.held_out is None else "held-out training images"


def closing(
    config: TrainConfig,
    subject: Subject,
    result: Evaluation,
    pace: Pace,
    digest: str,
    workers: Workers,
) -> str:
    """How good the network is, and how fast it was trained."""
    lines = [
        f"{subject.name}: top-1 {result.top1:.2%}, top-5 {result.top5:.2%}, loss {result.loss:.4f} "
        f"on {result.images:,} {scored_images(config)}; weights in {config.out}/weights.pt"
    ]
    if pace.images:
        lines.append(
            f"trained at {pace.images_per_second:,.0f} images/s, waited for images "
            f"{pace.waited / pace.seconds:.0%} of the time"
        )
    held = "one worker" if workers.size == 1 else f"the same in all {workers.size} workers"
    return "\n".join([*lines, f"weights and statistics: sha256 {digest[:16]}, {held}"])
