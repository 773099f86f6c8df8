"""Files of a network with exits: exits.json says what it is, programs run it without our code."""

import re
from copy import deepcopy
from pathlib import Path

import torch
from msgspec import Struct
from torch import Tensor, nn

from compression.channels.cut import noise
from compression.describe import narrowed, shapes_of
from compression.exits.heads import Exit
from compression.exits.network import WithExits, add_exits
from compression.program import PROGRAM, write_called, write_program
from proxyless_nas.files import read_json, write_json
from proxyless_nas.layer import Shape
from proxyless_nas.subject import Subject
from proxyless_nas.weights import load_weights

EXITS_FILE = "exits.json"
STAGE = re.compile(r"^stages\.\d+\.")


class ExitsFile(Struct, frozen=True, forbid_unknown_fields=True):
    """The network and where its exits are; weights.pt beside it holds the weights of both."""

    network: Subject
    exits: tuple[Exit, ...]

    def build(self) -> WithExits:
        """With fresh weights."""
        network = self.network.build(seed=0)
        return add_exits(network, self.network.input, self.exits)


def write_exits(network: WithExits, subject: Subject, folder: Path) -> str:
    """Write exits.json and network.pt2, which answers with the logits of all exits; a sentence.

    Without exits.json where other steps have made another network of the `subject`'s.
    """
    write_program(network, subject.input, folder / PROGRAM)
    told = f"{folder / PROGRAM} answers with the logits of every exit, the network's own last"
    in_one = {STAGE.sub("", name): shape for name, shape in shapes_of(network).items()}
    described = ExitsFile(narrowed(subject, in_one), network.places)
    if shapes_of(described.build()) != shapes_of(network):
        return f"{told}; no description fits what is left of {subject.name}"
    write_json(folder / EXITS_FILE, described)
    return f"{told}; next: python -m compression exits {folder}"


def open_exits(folder: Path) -> tuple[WithExits, Subject]:
    """The network with exits that a training has left in a folder, in eval mode.

    FileNotFoundError where there is none; ValueError where its weights are another's.
    """
    if not (folder / EXITS_FILE).exists():
        raise FileNotFoundError(
            f"no {EXITS_FILE} in {folder}: train with --compress RECIPE, a recipe with `do: exits`"
        )
    described = read_json(folder / EXITS_FILE, ExitsFile)
    network = described.build()
    load_weights(network, folder / "weights.pt")
    return network.eval(), described.network


class _Asked(nn.Module):
    """A stage and the head at its end: (values,) -> (logits, values for the next stage)."""

    def __init__(self, stage: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.stage, self.head = stage, head

    def forward(self, values: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        features, *left = self.stage(*values)
        return self.head(features), tuple(left)


class _Last(nn.Module):
    """The last stage: (values,) -> logits."""

    def __init__(self, stage: nn.Module) -> None:
        super().__init__()
        self.stage = stage

    def forward(self, values: tuple[Tensor, ...]) -> Tensor:
        return self.stage(*values)


@torch.no_grad()
def write_stages(network: WithExits, shape: Shape, folder: Path) -> list[Path]:
    """A program for each stage, so that whoever runs them can stop between two; their files.

    Each takes one tuple, the first of the images alone. It returns logits [B, classes] and the
    tuple for the next; the last returns logits. Rows of those that leave are taken out of every
    tensor in the tuple.
    """
    copy = deepcopy(network).eval().cpu()
    *stages, last = copy.stages
    values: tuple[Tensor, ...] = (noise(shape, copy),)
    files = []
    for number, (stage, head) in enumerate(zip(stages, copy.exits, strict=True)):
        asked = _Asked(stage, head).eval()
        files.append(folder / f"stage-{number}.pt2")
        write_called(asked, (values,), files[-1])
        values = asked(values)[1]
    files.append(folder / f"stage-{len(files)}.pt2")
    write_called(_Last(last).eval(), (values,), files[-1])
    return files
