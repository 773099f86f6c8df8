"""Read the idx files of the MNIST family: a small header, then bytes."""

import gzip
import math
import zlib
from pathlib import Path

import torch
from torch import Tensor

UNSIGNED_BYTES = 0x08


def content(path: Path) -> bytes:
    """The bytes of a file, unpacked when its name ends in .gz; ValueError when it is damaged."""
    if path.suffix != ".gz":
        return path.read_bytes()
    try:
        return gzip.decompress(path.read_bytes())
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{path} is damaged: {error}") from error


def parse(data: bytes, name: str) -> Tensor:
    """Decode idx bytes into a uint8 tensor; ValueError names the file when they are no such thing.

    Header: two zero bytes, the element type, the number of axes, then one big-endian 32-bit
    length per axis.
    """
    if len(data) < 4 or data[:2] != b"\0\0":
        raise ValueError(f"{name} is not an idx file")
    if data[2] != UNSIGNED_BYTES:
        raise ValueError(f"{name} holds elements of type {data[2]:#04x}, not unsigned bytes")
    start = 4 + 4 * data[3]
    lengths = [int.from_bytes(data[at : at + 4], "big") for at in range(4, start, 4)]
    if len(data) != start + math.prod(lengths):
        raise ValueError(
            f"{name} holds {len(data):,} bytes, its header promises {start + math.prod(lengths):,}"
        )
    return torch.frombuffer(bytearray(data), dtype=torch.uint8, offset=start).view(lengths)
