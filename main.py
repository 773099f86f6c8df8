"""Train a network, on one worker or many, and say how good it is."""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # idle threads leave the cores to decoders

from compression.apply import under_its_recipe
from proxyless_nas.command import Command, run_one
from training.config import TrainConfig
from training.run import run_training


def main(config: TrainConfig) -> None:
    """Train, compress on the way where a recipe says so, and write what is left."""
    run_training(config, under_its_recipe)


if __name__ == "__main__":
    run_one("python main.py", Command(TrainConfig, main))
