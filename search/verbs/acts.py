"""What verbs do with a configuration: tell, train, evaluate, compress for a goal, write it down."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import torch
from msgspec import Struct

from compression.analysis.info import told
from compression.analysis.subject import ImagesConfig, exam_of, opened_trained
from compression.apply import under_its_recipe
from proxyless_nas.described.network import describe
from proxyless_nas.files import did_you_mean, write_bytes
from proxyless_nas.language.config import Config
from proxyless_nas.language.values import Items, Map, refuse
from search.auto.config import AutoConfig
from search.auto.goal import read_goal
from search.auto.run import auto
from training.config import TrainConfig
from training.evaluate import evaluate
from training.run import run_training

NETWORK = "network.yaml"
DATA = {"name": "dataset", "path": "path", "normalise": "normalise"}
"""Keys of `dataset` and the flags that they are."""
OURS = {"arch", "weights", "out", *DATA.values()}
"""Flags that the configuration says elsewhere."""
Flags = TypeVar("Flags", bound=Struct)


Act = Callable[[], None]
"""What a verb does, once all that it needs has been read."""


def informed(config: Config) -> Act:
    """Print the layers, parameters and multiply-accumulates."""
    described = describe(config)

    def act() -> None:
        with torch.device("meta"):
            network = described.build()
        print(told(described.name, network, described.input, described.classes))

    return act


def trained(config: Config) -> Act:
    """Train the network by the flags of main.py below `train`; what is left lies in the folder."""
    out, text = folder_of(config), describe(config).text
    given = {"arch": str(out / NETWORK), "out": str(out / "train"), **data_of(config)}
    flags = flags_of(config, "train", TrainConfig, given)

    def act() -> None:
        write_bytes(out / NETWORK, text.encode())
        run_training(flags, under_its_recipe)

    return act


def evaluated(config: Config) -> Act:
    """Score what was trained on the test images."""
    images = flags_of(config, "", ImagesConfig, learned(config))

    def act() -> None:
        must_have_learned(config)
        network = opened_trained(images)
        exam = exam_of(images, network.subject, None)
        score = evaluate(network.network.eval(), exam.test_batches(images.batch_size))
        print(
            f"{network.name}: top-1 {score.top1:.2%} of {score.images:,} test images of "
            f"{exam.name}, loss {score.loss:.4f}"
        )

    return act


def searched(config: Config) -> Act:
    """Compress what was trained for the goal below `search`, by the flags of `auto`."""
    given = {"out": str(folder_of(config) / "search"), **learned(config)}
    flags = flags_of(config, "search", AutoConfig, given)
    read_goal(flags.goal)

    def act() -> None:
        must_have_learned(config)
        auto(flags)

    return act


def exported(config: Config) -> Act:
    """Write the whole configuration, as YAML that reads back the same."""
    file = folder_of(config) / "export.yaml"

    def act() -> None:
        write_bytes(file, config.text().encode())
        print(file)

    return act


def folder_of(config: Config) -> Path:
    """`run.out`, or a folder below runs/ with the names of the network and of the data."""
    if "run.out" in config:
        return Path(str(config.get("run.out")))
    names = [str(config.get(key)) for key in ("model.name", "dataset.name") if key in config]
    return Path("runs") / "-".join(names or ["network"])


def learned(config: Config) -> dict[str, Any]:
    """Flags that name the network as it was, or will be, trained, and its data."""
    out = folder_of(config) / "train"
    return {"arch": str(out / NETWORK), "weights": str(out / "weights.pt"), **data_of(config)}


def must_have_learned(config: Config) -> None:
    """ValueError where nothing was trained."""
    out = folder_of(config) / "train"
    if not (out / "weights.pt").exists():
        raise ValueError(f"nothing was trained in {out}: let `train` come first")


def data_of(config: Config) -> dict[str, Any]:
    """Which data, as flags."""
    found = {flag: config.get(f"dataset.{key}") for key, flag in DATA.items()
             if f"dataset.{key}" in config}  # fmt: skip
    return {flag: value for flag, value in found.items() if value is not None}


def flags_of(config: Config, key: str, kind: type[Flags], given: dict[str, Any]) -> Flags:
    """The flags of a command below a key, and those that are given.

    ValueError, with line and key, for one that it has not, or that is not of its kind.
    """
    own = config.get(key) if key and key in config else Map()
    if not isinstance(own, Map):
        refuse(config.place(key), (key,), "a map of flags")
    known = [field.name for field in msgspec.structs.fields(kind) if field.name not in OURS]
    flags = {}
    for name, value, place in own.lines():
        if name.startswith("_"):
            continue
        if name not in known:
            refuse(place, (key, name), f"no such flag{did_you_mean(name, known)}")
        try:
            flags[name] = plain(value)
            fields = {field.name: field.type for field in msgspec.structs.fields(kind)}
            msgspec.convert(flags[name], fields[name], strict=False)
        except msgspec.ValidationError as error:
            refuse(place, (key, name), str(error))
    said = {**flags, **given}
    for field in msgspec.structs.fields(kind):
        if field.required and field.name not in said:
            name = f"{key}.{field.name}"
            raise ValueError(f"{name} is missing: say {name}=..., or so in a file")
    return msgspec.convert(said, kind, strict=False)


def plain(value: Any) -> Any:
    """Maps and lists of Python."""
    match value:
        case Map():
            return {name: plain(one) for name, one in value.items()}
        case Items():
            return [plain(one) for one in value]
    return value
