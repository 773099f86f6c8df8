"""Networks of the user's own: `module:function` names code that makes one, called with nothing."""

import importlib
import os
import re
import sys
from pathlib import Path

from torch import nn

from proxyless_nas.files import did_you_mean
from proxyless_nas.layer import Shape
from proxyless_nas.load import TORCHVISION

NAME = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
FIRST = (nn.Conv2d, nn.ConvTranspose2d)


def is_own(source: str) -> bool:
    """Whether this names a module of Python and something in it, and neither a file nor a network
    of torchvision."""
    elsewhere = source.startswith(TORCHVISION) or Path(source).is_file()
    return bool(NAME.fullmatch(source)) and not elsewhere


def make_own(source: str) -> nn.Module:
    """What the function returns. Its module is looked for in the working folder too.

    ValueError where there is no such module or function, or where it returns no network.
    """
    module, _, function = source.partition(":")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        found = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise ValueError(
                f"{source}: {module} needs {error.name}, which is not there"
            ) from error
        raise ValueError(
            f"{source}: no module {module} here or among the installed packages"
        ) from error
    make = getattr(found, function, None)
    if make is None:
        hint = did_you_mean(function, [name for name in vars(found) if not name.startswith("_")])
        raise ValueError(f"{source}: {module} has no {function}{hint}")
    network = make() if callable(make) and not isinstance(make, nn.Module) else make
    if not isinstance(network, nn.Module):
        raise ValueError(f"{source} gives a {type(network).__name__}, not a torch module")
    return network


def own_shape(source: str, side: int | None) -> Shape:
    """The images that it takes: square, of `side`, with the channels of its first convolution.

    ValueError where the side is not given, or where nothing tells the channels.
    """
    if side is None:
        raise ValueError(f"{source} is code: say with --resolution how large its images are")
    for part in make_own(source).modules():
        if isinstance(part, FIRST):
            return Shape(part.in_channels, side, side)
    raise ValueError(f"{source} has no convolution that would tell how many channels images have")
