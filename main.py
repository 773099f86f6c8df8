"""Train a network from its description and say how good it is on the test set."""

import torch

from proxyless_nas import load_spec
from proxyless_nas.command import Command, run_one
from proxyless_nas.files import write_json
from proxyless_nas.weights import save_tensors
from training.config import TrainConfig
from training.datasets import Reading, open_dataset
from training.evaluate import evaluate
from training.loop import train
from training.run_folder import RunFolder


def main(config: TrainConfig) -> None:
    """Train, write weights.pt, then score once: on the test set, unless told."""
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    spec = load_spec(config.arch)
    reading = Reading(resolution=config.resolution or spec.input.height)
    data = open_dataset(config.dataset, config.path, reading, config.limit)
    data.must_fit(spec.input, spec.classifier.classes)
    scored_on = "test images"
    if config.held_out is not None:
        data, scored_on = data.split(config.held_out, config.seed), "held-out training images"
    folder = RunFolder(config.out, config)
    network = spec.build(config.seed)
    train(network, data, config, folder)
    save_tensors(folder.path / "weights.pt", network.state_dict())
    spec.save(str(folder.path / "spec.json"))
    result = evaluate(network, data.test_batches(256))
    write_json(folder.path / "result.json", result)
    print(
        f"{spec.name}: top-1 {result.top1:.2%}, top-5 {result.top5:.2%}, loss {result.loss:.4f} "
        f"on {result.images:,} {scored_on}; weights in {folder.path / 'weights.pt'}"
    )


if __name__ == "__main__":
    run_one("python main.py", Command(TrainConfig, main))
