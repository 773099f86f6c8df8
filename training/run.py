"""A whole training on one worker or many: `main.py`'s, and that of a network being tuned."""

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import torch
from msgspec import Struct
from msgspec.structs import replace
from torch import nn

from proxyless_nas.files import write_json
from proxyless_nas.layer import Shape
from proxyless_nas.subject import Subject
from proxyless_nas.weights import save_tensors
from training.companion import Companion, Seen
from training.config import MAY_DIFFER, TrainConfig
from training.datasets import Batch
from training.device import keep_freed_memory, pick_device
from training.loop import Loop
from training.plan import Plan, make_plan, with_global_batch
from training.prepare import (
    batches_of,
    dataset_of,
    first_network,
    fitted,
    learner_of,
    scored_here,
    share_of_cores,
    subject_of,
)
from training.rates import Rates
from training.run_folder import RunFolder, begun_config
from training.words import closing, opening, run_name
from training.workers import Workers, first_speaks, join_workers


def write_spec(subject: Subject, network: nn.Module, out: Path) -> None:
    """The description of a network that is still what it says."""
    subject.save(out)


class Extras(Struct, frozen=True, kw_only=True):
    """What may differ between trainings beside their config.

    `first` makes the network with its first weights, `accompany` goes along with it, `rates` stand
    in the place of the config's schedule of the learning rate. The first worker calls `begun` with
    the folder once that is open, and `finished` with the plain network when its weights and its
    score are written.
    """

    first: Callable[[TrainConfig, Subject], nn.Module] = first_network
    accompany: Callable[[nn.Module, Shape, Plan, Seen], Companion] | None = None
    rates: Rates = ()
    begun: Callable[[Path], None] = lambda out: None
    finished: Callable[[Subject, nn.Module, Path], None] = write_spec


PLAIN = Extras()


def run_training(
    config: TrainConfig, extras_of: Callable[[TrainConfig], Extras] = lambda config: PLAIN
) -> None:
    """Join the other workers, train, score, and let the first worker write and tell it.

    `extras_of` is given the config with the run folder that was chosen.
    """
    with first_speaks():
        device = pick_device("cpu" if config.no_cuda else config.device)
        subject = subject_of(config)
        config = replace(config, out=config.out or f"{config.log_dir}/{run_name(config, subject)}")
        with join_workers(config.distributed, device.type == "cuda") as workers:
            torch.set_num_threads(config.threads or share_of_cores(workers))
            if device.type == "cpu":
                keep_freed_memory()
            _train(config, subject, device, workers, extras_of(config))


def _train(
    config: TrainConfig, subject: Subject, device: torch.device, workers: Workers, extras: Extras
) -> None:
    """What every worker does."""
    out = Path(str(config.out))
    begun = begun_config(out, TrainConfig) if workers.first and config.resume else None
    config = with_global_batch(config, workers.broadcast(begun), workers)
    data = dataset_of(config, subject, workers)
    subject = fitted(subject, data, config)
    plan = make_plan(config, len(data.train), workers, extras.rates)
    network = extras.first(config, subject)

    def seen(count: int) -> list[Batch]:
        images = data.limited(count).train
        return list(images.evaluation_batches(config.val_batch_size, device))

    def accompany(network: nn.Module, shape: Shape, plan: Plan) -> Companion | None:
        prepare = extras.accompany
        return None if prepare is None else prepare(network, shape, plan, seen)

    learner = learner_of(config, subject, network, plan, device, workers, accompany)
    folder = RunFolder(out, config, MAY_DIFFER, config.resume) if workers.first else None
    with nullcontext() if folder is None else folder:
        if folder is not None:
            extras.begun(out)
        if workers.first:
            print(opening(config, subject, plan, device, workers), flush=True)
            if learner.companion is not None and (prepared := learner.companion.told()):
                print(prepared, flush=True)
        batches = batches_of(config, data, plan, workers)
        loop = Loop(learner, plan, config, batches, scored_here(data, workers), folder)
        pace = loop.run()
        plain, result = loop.finish()
        state = plain.state_dict()
        digest = workers.must_agree(list(state.values()))
        if folder is not None:
            save_tensors(out / "weights.pt", state)
            write_json(out / "result.json", result)
            print(closing(config, subject, result, pace, digest, workers))
            extras.finished(subject, plain, out)
