"""Command lines of PocketFlow's, read for ResNet-20."""

from compression.readers import pocketflow
from compression.readers.reading import Reading
from compression.recipe import Recipe
from tests.compression.readers.running import Run, run_recipe, subject

FILE = "run.sh"
SCRIPT = "./scripts/run_local.sh nets/resnet_at_cifar10_run.py"
SHORT = "--nb_epochs_rat 0.008"
"""Two epochs."""


def command(learner: str, flags: str = "") -> str:
    return f"{SCRIPT} --learner {learner} {flags}\n"


def read(text: str) -> Reading:
    return pocketflow.read(text, FILE, subject(), 0)


def recipe_of(learner: str, flags: str = "") -> Recipe:
    found = read(command(learner, flags)).recipe
    assert found is not None
    return found


def run(learner: str, flags: str = "", lr: float = 0.05) -> Run:
    return run_recipe(recipe_of(learner, f"{SHORT} {flags}"), lr=lr)
