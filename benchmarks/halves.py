"""Part a folder of images by its classes: every other one to search on, the rest to test on."""

import shutil
from pathlib import Path
from typing import Annotated

from msgspec import Struct

from proxyless_nas.command import Command, run_one, short

WNIDS = "wnids.txt"


class HalvesConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Write OUT/train and OUT/val: links to every other class of PATH/val, by sorted names."""

    path: Annotated[str, short("p")]
    """The folder that holds val/CLASS/* and wnids.txt."""
    out: Annotated[str, short("o")]
    """A folder that is not there yet."""


def main(config: HalvesConfig) -> None:
    """FileNotFoundError where there is nothing to part, FileExistsError where OUT is there."""
    path, out = Path(config.path), Path(config.out)
    classes = sorted(one for one in (path / "val").iterdir() if one.is_dir())
    out.mkdir()
    shutil.copy(path / WNIDS, out / WNIDS)
    parts = (out / "train", out / "val")
    for part in parts:
        part.mkdir()
    for number, folder in enumerate(classes):
        (parts[number % 2] / folder.name).symlink_to(folder.resolve())
    print(f"{out}: {(len(classes) + 1) // 2} classes to search on, {len(classes) // 2} to test on")


if __name__ == "__main__":
    run_one("python -m benchmarks.halves", Command(HalvesConfig, main))
