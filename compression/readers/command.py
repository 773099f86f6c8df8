"""`python -m compression read`: what another tool's files become here, line by line."""

from typing import Annotated

import tyro
from msgspec import Struct

from compression.readers import Like, read_as
from compression.readers.writing import recipe_text
from proxyless_nas.command import short
from proxyless_nas.files import write_bytes
from proxyless_nas.subject import open_subject


class ReadConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Read files of another tool: print what becomes of each part of them.

    Distiller's schedules, Mayo's files and PocketFlow's command lines become a recipe, which runs
    with `main.py --compress`; configurations of Xilinx' pruner become the file of the four steps.
    """

    files: Annotated[tuple[str, ...], tyro.conf.Positional]
    """What is read: one file, or several of Mayo's and values (key=value), merged from left to
    right."""
    arch: Annotated[str, short("a")]
    """The network whose layers it names: as for main.py."""
    like: Like | None = None
    """The tool that it was written for; default: told from the first file."""
    out: Annotated[str | None, short("o")] = None
    """Where what it becomes (YAML) is written; default: printed."""
    learnt: int = 0
    """Epochs that are over, where a training goes on from a checkpoint: all is that much sooner."""
    num_classes: int | None = None
    """Classes that the network tells apart; default: its own."""
    resolution: int | None = None
    """Side of its input in pixels; default: its own."""

    def __post_init__(self) -> None:
        if self.learnt < 0:
            raise ValueError(f"--learnt {self.learnt} is below 0")


def run_read(config: ReadConfig) -> None:
    """The command."""
    subject = open_subject(config.arch, config.resolution, config.num_classes)
    found = read_as(config.files, subject, config.like, config.learnt)
    print(found.told())
    written = found.recipe or found.pruning
    if written is None:
        print("nothing in it is done while a network learns: there is no recipe")
        return
    text = recipe_text(written, f"{' '.join(config.files)}, read for {subject.name}")
    if config.out is None:
        print(f"\n{text}", end="")
        return
    write_bytes(config.out, text.encode())
    if found.pruning is not None:
        steps = "python -m compression STEP --config"
        print(f"{config.out}: {steps} {config.out}, for STEP ana, prune, finetune and transform")
        return
    run = f"python main.py --arch {config.arch} --compress {config.out}"
    print(f"{config.out} is the recipe: {run}")
