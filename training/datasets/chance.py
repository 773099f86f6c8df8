"""Seeded generators, one for each purpose and place, so that any batch can be made on its own."""

from hashlib import blake2b

import torch


def generator(seed: int, *place: str | int) -> torch.Generator:
    """A fresh generator for (seed, *place): equal arguments draw equal numbers, on any machine."""
    return torch.Generator().manual_seed(_number(seed, place))


def reseed(seed: int, *place: str | int) -> None:
    """Let torch's own generators, on all devices, go on from (seed, *place).

    For what draws from them and takes no other, such as dropout.
    """
    torch.manual_seed(_number(seed, place))


def _number(seed: int, place: tuple[str | int, ...]) -> int:
    digest = blake2b(repr((seed, *place)).encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big")
