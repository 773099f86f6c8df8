"""Networks that `main.py` trained: find their run folders, name them, compare only what may be."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from proxyless_nas import NetworkSpec, load_spec
from proxyless_nas.files import read_json
from proxyless_nas.naming import listed
from training.config import MAY_DIFFER, TrainConfig
from training.datasets import usual_dataset
from training.evaluate import Evaluation
from training.words import scored_images

TRAINED = "trained"  # the folder, in a search's run folder, of the training of what it found
NO_RECIPE = {*MAY_DIFFER, "arch", "num_classes", "format", "val_every", "log_every"}
"""What a network's score does not depend on, or what says which network it is."""
CHOOSES_HELD_OUT = {"seed"}
FINDS_FOLDER = {"path", "train_dir", "val_dir"}


class TrainedRun(Struct, frozen=True):
    """A run folder of `main.py`, and what stands in it."""

    folder: Path
    config: TrainConfig
    spec: NetworkSpec
    score: Evaluation

    @property
    def dataset(self) -> str:
        """The data that it was trained and scored on."""
        return self.config.dataset or usual_dataset(self.spec.input, self.spec.classifier.classes)

    @property
    def scored_on(self) -> str:
        """The images of its score, in words."""
        return f"{self.score.images:,} {scored_images(self.config)} of {self.dataset}"

    @property
    def recipe(self) -> dict[str, Any]:
        """How it was trained, and on what where the name of the dataset does not tell."""
        config = replace(self.config, resolution=self.spec.input.height)
        told = {**msgspec.to_builtins(config), "dataset": self.dataset}
        without = NO_RECIPE if config.held_out is not None else {*NO_RECIPE, *CHOOSES_HELD_OUT}
        without = without - FINDS_FOLDER if self.dataset == "folder" else without
        return {key: value for key, value in told.items() if key not in without}


def trained_runs(folder: str | Path) -> list[TrainedRun]:
    """The run that a folder holds, or those of the folders in it that hold one.

    For a search's run folder it is the run in its `trained` folder. FileNotFoundError, with the
    command that makes it, where there is none; ValueError for files that are not what they should
    be.
    """
    folder = Path(folder)
    for place in (folder, folder / TRAINED):
        if (place / "result.json").exists():
            return [_run(place)]
    inside = sorted(path.parent for path in folder.glob("*/config.json"))
    if (folder / "config.json").exists() or not inside:
        raise FileNotFoundError(_missing(folder))
    return [run for one in inside for run in trained_runs(one)]


def must_compare(runs: Sequence[TrainedRun]) -> None:
    """ValueError, with two folders, for one named twice, or for scores on different images."""
    first, *others = runs
    seen = {first.folder.resolve()}
    for other in others:
        if other.folder.resolve() in seen:
            raise ValueError(f"{other.folder} is named twice")
        seen.add(other.folder.resolve())
        if other.scored_on != first.scored_on:
            raise ValueError(
                f"{first.folder} was scored on {first.scored_on}, {other.folder} on "
                f"{other.scored_on}: their accuracies cannot be compared"
            )


def names_of(runs: Sequence[TrainedRun]) -> list[str]:
    """The networks' names; behind equal ones, what tells their folders apart."""
    shared: dict[str, list[Path]] = {}
    for run in runs:
        shared.setdefault(run.spec.name, []).append(run.folder.resolve())
    return [
        run.spec.name
        if len(shared[run.spec.name]) == 1
        else f"{run.spec.name} {_apart(run.folder.resolve(), shared[run.spec.name])}"
        for run in runs
    ]


def recipe_notes(runs: Sequence[TrainedRun], names: Sequence[str]) -> list[str]:
    """A sentence for every part of the recipe in which the runs differ."""
    recipes, notes = [run.recipe for run in runs], list[str]()
    for key in recipes[0]:
        who: dict[str, list[str]] = {}
        for recipe, name in zip(recipes, names, strict=True):
            who.setdefault(str(recipe[key]), []).append(name)
        if len(who) > 1:
            said = "; ".join(f"{value} for {listed(those)}" for value, those in who.items())
            notes.append(f"Not trained alike: --{key.replace('_', '-')} is {said}.")
    return notes


def _run(folder: Path) -> TrainedRun:
    if not (folder / "spec.json").exists():
        raise FileNotFoundError(
            f"{folder} has no spec.json: a network of torchvision has no description to measure by"
        )
    return TrainedRun(
        folder,
        read_json(folder / "config.json", TrainConfig),
        load_spec(str(folder / "spec.json")),
        read_json(folder / "result.json", Evaluation),
    )


def _missing(folder: Path) -> str:
    """What is not there, and how to make it."""
    inside = folder / TRAINED
    train = f"python main.py --arch {folder}/spec.json --out {inside} ..."
    if (inside / "config.json").exists():
        return f"{inside} has no result.json yet: {_continue(inside)}"
    if (folder / "found.json").exists():
        return (
            f"{folder} has no result.json: it holds what a search found, and nobody has trained "
            f"that: {train}"
        )
    if not (folder / "config.json").exists():
        return (
            f"{folder} has no result.json, nor have folders in it: "
            f"python main.py --arch SPEC.json --out {folder} ..."
        )
    if read_json(folder / "config.json", dict[str, Any]).get("arch") is None:
        return f"{folder} has no result.json: the search in it has not ended; after it, {train}"
    return f"{folder} has no result.json yet: {_continue(folder)}"


def _continue(folder: Path) -> str:
    return f"python main.py --from {folder}/config.json continues the training"


def _apart(folder: Path, others: Sequence[Path]) -> str:
    """The parts of a path without those at both ends that it shares with all the others."""
    parts = [each.parts for each in others]
    most = min(map(len, parts)) - 1
    start = _common(parts, most)
    end = _common([each[::-1] for each in parts], most - start)
    kept = folder.parts[start : len(folder.parts) - end]
    return os.path.join(*kept)


def _common(rows: Sequence[tuple[str, ...]], most: int) -> int:
    """How many parts all rows have in common at their start, at most so many."""
    count = 0
    while count < most and len({row[count] for row in rows}) == 1:
        count += 1
    return count
