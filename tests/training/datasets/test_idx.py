"""The idx format is read as written down, and anything else is refused by name."""

import gzip
from pathlib import Path

import pytest
import torch

from training.datasets import idx


def packed(*lengths: int, kind: int = 8) -> bytes:
    axes = b"".join(length.to_bytes(4, "big") for length in lengths)
    return bytes([0, 0, kind, len(lengths)]) + axes


def test_rows_come_out_as_they_went_in() -> None:
    tensor = idx.parse(packed(2, 3) + bytes(range(6)), "x")
    assert tensor.dtype == torch.uint8
    assert tensor.tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize(
    "data", [b"", b"\x1f\x8b\x08\x00", packed(2) + b"x", packed(2) + b"xyz", packed(1, kind=13)]
)
def test_anything_else_is_an_error_that_names_the_file(data: bytes) -> None:
    with pytest.raises(ValueError, match="pictures"):
        idx.parse(data, "pictures")


def test_packed_and_plain_files_have_the_same_content(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"content")
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"content"))
    assert idx.content(tmp_path / "a") == idx.content(tmp_path / "a.gz") == b"content"
