"""Networks that were judged without tuning, kept in a file, so that none is judged twice."""

from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from compression.widths import Gone, key_of
from proxyless_nas.files import read_json, write_json
from training.evaluate import Evaluation

TRIES = "tries.json"


class Judged(Struct, frozen=True, forbid_unknown_fields=True):
    """A narrowed network and its score."""

    gone: dict[str, int]
    score: Evaluation


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    """`digest` tells the network, the order of its channels, and the images."""

    digest: str
    judged: tuple[Judged, ...]


class Tries:
    """Scores by what was lost. A file of another network or other images is begun anew."""

    def __init__(self, file: Path, digest: str, judge: Callable[[Gone], Evaluation]) -> None:
        self._file, self._digest, self._judge = file, digest, judge
        self._known: dict[tuple[tuple[str, int], ...], Judged] = {}
        if file.exists():
            before = read_json(file, _File)
            if before.digest == digest:
                self._known = {key_of(one.gone): one for one in before.judged}

    def score(self, gone: Gone) -> Evaluation:
        """Known, or judged and kept now."""
        key = key_of(gone)
        if key not in self._known:
            self._known[key] = Judged(dict(key), self._judge(gone))
            write_json(self._file, _File(self._digest, tuple(self._known.values())))
        return self._known[key].score
