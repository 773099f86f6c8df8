"""Train a network, on one worker or many, and say how good it is."""

import os
from contextlib import nullcontext
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # idle threads leave the cores to decoders

import torch
from msgspec.structs import replace
from torch import nn

from compression.describe import described
from compression.program import PROGRAM, write_program
from compression.recipe import RECIPE, read_recipe
from compression.summary import sparsity_of, told
from proxyless_nas.command import Command, run_one
from proxyless_nas.files import write_json
from proxyless_nas.subject import Subject
from proxyless_nas.weights import save_tensors
from training.config import MAY_DIFFER, TrainConfig
from training.device import keep_freed_memory, pick_device
from training.loop import Loop
from training.plan import make_plan, with_global_batch
from training.prepare import (
    batches_of,
    dataset_of,
    fitted,
    learner_of,
    scored_here,
    share_of_cores,
    subject_of,
)
from training.run_folder import RunFolder, begun_config, keep_same
from training.words import closing, opening, run_name
from training.workers import Workers, first_speaks, join_workers


def main(config: TrainConfig) -> None:
    """Join the other workers, train, score, and let the first worker write and tell it."""
    with first_speaks():
        device = pick_device("cpu" if config.no_cuda else config.device)
        subject = subject_of(config)
        out = config.out or f"{config.log_dir}/{run_name(config, subject)}"
        with join_workers(config.distributed, device.type == "cuda") as workers:
            torch.set_num_threads(config.threads or share_of_cores(workers))
            if device.type == "cpu":
                keep_freed_memory()
            train(replace(config, out=out), Path(out), subject, device, workers)


def train(
    config: TrainConfig, out: Path, subject: Subject, device: torch.device, workers: Workers
) -> None:
    """What every worker does."""
    begun = begun_config(out, TrainConfig) if workers.first and config.resume else None
    config = with_global_batch(config, workers.broadcast(begun), workers)
    data = dataset_of(config, subject, workers)
    subject = fitted(subject, data, config)
    plan = make_plan(config, len(data.train), workers)
    recipe = None
    if config.compress is not None:
        recipe = read_recipe(config.compress, out if config.resume else None)
    accompany = recipe.accompany if recipe is not None else None
    learner = learner_of(config, subject, plan, device, workers, accompany)
    folder = RunFolder(out, config, MAY_DIFFER, config.resume) if workers.first else None
    with nullcontext() if folder is None else folder:
        if recipe is not None and folder is not None:
            keep_same(out / RECIPE, recipe, f"the recipe {config.compress}")
        if workers.first:
            print(opening(config, subject, plan, device, workers), flush=True)
            if learner.companion is not None and (prepared := learner.companion.told()):
                print(prepared, flush=True)
        batches = batches_of(config, data, plan, workers)
        loop = Loop(learner, plan, config, batches, scored_here(data, workers), folder)
        pace = loop.run()
        result = loop.finish()
        network = learner.plain()
        state = network.state_dict()
        digest = workers.must_agree(list(state.values()))
        if folder is not None:
            save_tensors(out / "weights.pt", state)
            if recipe is None and subject.spec is not None:
                subject.spec.save(str(out / "spec.json"))
            write_json(out / "result.json", result)
            print(closing(config, subject, result, pace, digest, workers))
            if recipe is not None:
                print(told(sparsity_of(network)))
                write_what_is_left(subject, network, out)


def write_what_is_left(subject: Subject, network: nn.Module, out: Path) -> None:
    """spec.json of a compressed network, or network.pt2 where no description says what it is."""
    try:
        if subject.spec is not None:
            described(subject.spec, network).save(str(out / "spec.json"))
            return
        reason = f"{subject.name} is torchvision's"
    except ValueError as error:
        reason = str(error)
    write_program(network, subject.input, out / PROGRAM)
    print(f"{reason}: {out / PROGRAM} is the network and its weights, for torch.export.load")


if __name__ == "__main__":
    run_one("python main.py", Command(TrainConfig, main))
