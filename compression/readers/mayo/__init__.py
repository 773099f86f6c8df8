"""Mayo's files: overriders over the layers of a network, trainers, and searches."""

import re

from compression.readers.mayo.reading import read
from compression.readers.reading import Reader

SIGNS = re.compile(
    r"""^(_import|_overrider|retrain)(\.[\w.]+)?\s*:
    |^(model|train|system|search)\.[\w.]+\s*:
    |^model\s*:\s*(\{|\#|$)
    |^(train|system|search)\s*:\s*(\{|\n)\s*
     (learning_rate|optimizer|moving_average_decay|batch_size_per_gpu|num_gpus|max_epochs
      |checkpoint|mode|cost_key|max_steps|accuracy|variables)\b""",
    re.MULTILINE | re.VERBOSE,
)


def claims(text: str) -> bool:
    """Whether there are sections as in its files."""
    return bool(SIGNS.search(text))


READER = Reader(claims=claims, read=read)

__all__ = ["READER", "claims", "read"]
