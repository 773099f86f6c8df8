"""The training loop: one network, one run folder, continued where it was stopped."""

import time

import torch
import torch.nn.functional as F
from torch import Tensor, nn, optim

from proxyless_nas.progress import progress_bar
from training.config import TrainConfig
from training.datasets import Augmentation, Dataset
from training.optimizer import set_lr, sgd
from training.run_folder import RunFolder
from training.schedule import warmup_cosine

SMOOTHING = 0.1


def train_step(
    network: nn.Module, optimizer: optim.Optimizer, x: Tensor, y: Tensor, smoothing: float
) -> Tensor:
    """One update on images [B, C, H, W] and labels [B]; the loss, detached."""
    optimizer.zero_grad(set_to_none=True)
    loss = F.cross_entropy(network(x), y, label_smoothing=smoothing)
    loss.backward()
    optimizer.step()
    return loss.detach()


def train(network: nn.Module, data: Dataset, config: TrainConfig, folder: RunFolder) -> None:
    """Train `network` in place for `config.epochs`.

    Every batch is a function of the seed and the step, and every epoch ends with a line in the
    log, so a run that was killed and started again writes the same log and weights as one that
    was not. The test set is not touched.
    """
    augmentation = Augmentation(shift=config.shift)
    batches = data.train_batches(config.batch_size, config.seed, augmentation)
    per_epoch = batches.steps_per_epoch
    steps, warmup = config.epochs * per_epoch, round(config.warmup_epochs * per_epoch)
    peak = config.base_lr * config.batch_size / 64
    smoothing = SMOOTHING if config.label_smoothing else 0.0
    network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    network.train()
    optimizer = sgd(network, peak, config.momentum, config.wd, decay_norm=not config.no_wd_bn)

    start, total = 0, 0.0
    state = folder.checkpoint()
    if state is not None:
        network.load_state_dict(state["network"])
        optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["rng"])
        start, total = state["step"], state["total"]
    else:
        torch.manual_seed(config.seed)

    saved = time.monotonic()
    stream = batches.stream(start)
    progress = progress_bar(range(start, steps), "train", steps, start)
    for step in progress:
        x, y = next(stream)
        set_lr(optimizer, peak * warmup_cosine(step, steps, warmup))
        total += float(train_step(network, optimizer, x, y, smoothing))
        done = step + 1
        if done % per_epoch == 0:
            folder.log(done, {"epoch": done // per_epoch, "train_loss": total / per_epoch})
            progress.set_postfix_str(f"loss {total / per_epoch:.3f}", refresh=False)
            total = 0.0
        if done == steps or time.monotonic() - saved > config.checkpoint_seconds:
            folder.save(
                done,
                {
                    "network": network.state_dict(),
                    "optimizer": optimizer.state_dict(),
                    "rng": torch.get_rng_state(),
                    "total": total,
                },
            )
            saved = time.monotonic()
