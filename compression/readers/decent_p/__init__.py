"""Configurations of Xilinx' pruner: text-proto of `decent_p` for Caffe, `[pruning]` for darknet."""

import re

from compression.readers.decent_p import darknet
from compression.readers.decent_p.reading import read
from compression.readers.reading import Reader, of_one, uncommented

WORKSPACE = re.compile(r"(?:^|\s)workspace\s*:\s*[\"']")
OTHER = re.compile(r"(?:^|\s)(?:pruner\s*:?\s*\{|(?:rate|acc_name|solver|test_iter)\s*:)")


def claims(text: str) -> bool:
    """Whether a folder for its work is named as there, beside something else that only it has."""
    said = uncommented(text)
    return darknet.claims(text) or bool(WORKSPACE.search(said) and OTHER.search(said))


READER = Reader(claims=claims, read=of_one(read, "a configuration of decent_p"))

__all__ = ["READER", "claims", "read"]
