"""A small network in YAML, files of Mayo's language for it, and two short epochs under them."""

from functools import cache
from pathlib import Path

from torch import Tensor, nn

from compression.readers import mayo
from compression.readers.reading import Note, Reading
from compression.recipe import Recipe
from proxyless_nas.described.network import describe
from proxyless_nas.language.config import Config
from proxyless_nas.subject import Subject
from tests.compression.readers.running import PER_EPOCH, images, learner_of
from training.learner import Learner

NETWORK = """
dataset.task: {num_classes: 10, preprocess.shape: {height: 16, width: 16, channels: 3}}
model:
  name: tiny
  layers:
    _block: &block
      type: module
      kwargs: {skip: none}
      layers:
        deep: {type: depthwise_convolution, kernel_size: 3, activation_fn: null}
        point: {type: convolution, kernel_size: 1, num_outputs: 8}
        none_skip: {type: identity}
        conv_skip: {type: convolution, kernel_size: 1, num_outputs: 8}
        sum: {type: add}
      graph:
        - {from: input, with: [deep, point], to: a}
        - {from: input, with: ^(skip)_skip, to: b}
        - {from: [a, b], with: sum, to: output}
    conv0: {type: convolution, kernel_size: 3, stride: 2, num_outputs: 8}
    conv1: {type: convolution, kernel_size: 3, stride: 2, num_outputs: 8, normalizer_fn: batch_norm,
            normalizer_params: {scale: true}}
    conv2: {type: convolution, kernel_size: 3, num_outputs: 8, normalizer_fn: batch_norm}
    block: {<<: *block}
    mean: {type: average_pool, kernel_size: global}
    flat: {type: flatten}
    logits: {type: fully_connected, num_outputs: 10, activation_fn: null}
  graph: {from: input, with: [conv0, conv1, conv2, block, mean, flat, logits], to: output}
"""
CONV = "conv0.conv"
EPOCHS = 2


@cache
def subject() -> Subject:
    found = describe(Config().with_text(NETWORK, "tiny.yaml"))
    return Subject("tiny.yaml", found.input, found.classes, None, None, found)


def network() -> nn.Module:
    return subject().build(seed=0).train()


def over(overrider: str, key: str = "weights", layer: str = "conv0", more: str = "") -> str:
    """A file with one overrider over a tensor of a layer; its class stands on line 2."""
    inside = f"{{one: {{type: mayo.override.{overrider}}}{more}}}"
    for one in reversed(key.split(".")):
        inside = f"{{{one}: {inside}}}"
    return f"model.layers:\n  {layer}: {{overrider: {inside}}}\n"


def read(folder: Path, *texts: str, learnt: int = 0) -> Reading:
    """What the texts say, as files 0.yaml, 1.yaml, ...; a text in one line is a word key=value."""
    words: list[str] = []
    for number, text in enumerate(texts):
        if "\n" in text:
            file = folder / f"{number}.yaml"
            file.write_text(text)
            text = str(file)
        words.append(text)
    return mayo.read(words, subject(), learnt)


def recipe_of(folder: Path, *texts: str) -> Recipe:
    found = read(folder, *texts).recipe
    assert found is not None
    return found


def only_note(folder: Path, *texts: str) -> Note:
    (note,) = read(folder, *texts).notes
    return note


class Run:
    """A training of two epochs, two steps each, and the dense weight before each step."""

    def __init__(self, recipe: Recipe, tensor: str = "weight", layer: str = CONV) -> None:
        self.tensor, self.layer = tensor, layer
        net = network()
        self.learner: Learner = learner_of(recipe, EPOCHS, net)
        self.dense: list[Tensor] = []
        for step in range(EPOCHS * PER_EPOCH):
            self.dense.append(self._below())
            self.learner.step(step, [images(step)])
        self.last = self._below()
        """As it is behind all steps."""

    @property
    def left(self) -> Tensor:
        """The tensor in what is left."""
        part = self.learner.plain().get_submodule(self.layer)
        return part.get_parameter(self.tensor).detach()

    def _below(self) -> Tensor:
        """What learns, below whatever stands over it."""
        part = self.learner.network.get_submodule(self.layer)
        name = self.tensor
        over = getattr(part, "parametrizations", {})
        own = over[name].original if name in over else getattr(part, name)
        return own.detach().clone()
