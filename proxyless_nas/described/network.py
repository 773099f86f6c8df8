"""A network that a YAML file describes: its name, its images, its classes, and its module."""

from pathlib import Path
from typing import Any

import torch
from msgspec import Struct
from torch import nn

from proxyless_nas.counting import parameters_of
from proxyless_nas.described.modules import Building
from proxyless_nas.described.values import whole
from proxyless_nas.files import did_you_mean
from proxyless_nas.language.config import Config
from proxyless_nas.language.merging import split_key
from proxyless_nas.language.values import Map, Place, refuse
from proxyless_nas.layer import Shape
from proxyless_nas.seeds import seeded

MOST_WEIGHTS = 2_000_000_000
LIBRARY = Path(__file__).parent / "library"
SUFFIXES = (".yaml", ".yml")
TASK = "dataset.task"
CLASSES = f"{TASK}.num_classes"
BACKGROUND = f"{TASK}.background_class"
SHAPE = f"{TASK}.preprocess.shape"


class Described(Struct, frozen=True, forbid_unknown_fields=True):
    """A description that can be built: the `text` of a whole configuration, as YAML."""

    name: str
    input: Shape
    classes: int
    text: str

    def build(self, seed: int | None = None) -> nn.Module:
        """[B, *input] -> [B, classes], with fresh weights."""
        with seeded(seed):
            return _built(Config().with_text(self.text, self.name), self.input, self.classes)


def _built(config: Config, shape: Shape, classes: int) -> nn.Module:
    sizes = (shape.channels, shape.height, shape.width)
    place = config.place("model")
    network, made = Building(config).module(config.raw("model"), ("model",), place, [sizes], {})
    if made != ((classes,),):
        refuse(
            config.place("model.graph"),
            ("model", "graph"),
            f"the output is {' and '.join(map(str, made))}, not one number for each of {classes} "
            "classes",
        )
    return network


def is_described(source: str) -> bool:
    """Whether this names a YAML file, here or in the library."""
    return source.endswith(SUFFIXES)


def file_of(source: str) -> Path:
    """The file of that name here, else in the library; FileNotFoundError where there is none."""
    for file in (Path(source), LIBRARY / source):
        if file.is_file():
            return file
    known = sorted(str(one.relative_to(LIBRARY)) for one in LIBRARY.rglob("*.yaml"))
    raise FileNotFoundError(f"no file {source}{did_you_mean(source, known)}")


def describe(config: Config, side: int | None = None, classes: int | None = None) -> Described:
    """The network of a configuration, at another side or with another number of classes.

    ValueError, with line and key, where it does not say what is needed, or says it wrongly: it is
    built once, without drawing a weight.
    """
    if classes is not None:
        config = _with_classes(config, classes)
    if "model" not in config or not isinstance(config.raw("model"), Map):
        refuse(
            config.nearest("model"), ("model",), "no network is described: there is no model, with "
            "layers and a graph",
        )  # fmt: skip
    for key in ("layers", "graph"):
        if f"model.{key}" not in config:
            refuse(config.place("model"), ("model",), f"has no {key}")
    name = config.get("model.name") if "model.name" in config else "network"
    found = _classes(config)
    shape = _shape(config).at_side(side)
    config = _with_classes(config, found).with_values(
        {f"{SHAPE}.height": shape.height, f"{SHAPE}.width": shape.width}
    )
    with torch.device("meta"):
        weights = parameters_of(_built(config, shape, found))
    if weights > MOST_WEIGHTS:
        refuse(
            config.place("model"), ("model",), f"{weights:,} weights; {MOST_WEIGHTS:,} are the most"
        )
    return Described(str(name), shape, found, config.text())


def _with_classes(config: Config, classes: int) -> Config:
    return config.with_values({CLASSES: classes, BACKGROUND: None})


def _classes(config: Config) -> int:
    """`num_classes`, one more where a background class is used that the data has not."""
    count = _whole(
        config, CLASSES, f"merge a file of a dataset, or say it (--num-classes, {CLASSES}=10)"
    )
    background = config.get(BACKGROUND) if BACKGROUND in config else None
    if not isinstance(background, Map):
        return count
    return count + bool(background.get("use")) - bool(background.get("has"))


def _shape(config: Config) -> Shape:
    need = "height, width and channels of an image"
    sides = [_whole(config, f"{SHAPE}.{side}", need) for side in ("channels", "height", "width")]
    return Shape(*sides)


def _whole(config: Config, key: str, need: str) -> int:
    try:
        value: Any = config.get(key)
    except LookupError:
        refuse(config.nearest(key), split_key(key), f"is missing: {need}")
    try:
        return whole(value)
    except TypeError:
        place: Place | None = config.place(key)
        refuse(place, split_key(key), f"{value!r} is not a whole number from 1")
