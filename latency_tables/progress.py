"""Progress bars on stderr with the time that is left."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeVar

from latency_tables.protocol import SENTINEL, Protocol, Visit, finished, visits_ahead
from proxyless_nas.progress import progress_bar

T = TypeVar("T")


def watched(what: str, things: Sequence[T], show: bool) -> Iterable[T]:
    """The things, with a bar that counts them."""
    return progress_bar(things, what, len(things), leave=False, show=show)


@contextmanager
def visits_bar(
    before: Mapping[str, Sequence[Visit]], protocol: Protocol, show: bool
) -> Iterator[Callable[[Visit], None]]:
    """A callback for each visit. How many will come depends on their spread: the total moves."""
    seen = {key: list(visits) for key, visits in before.items()}

    def ahead() -> int:
        still_open = {k: len(v) for k, v in seen.items() if not finished(v, protocol)}
        return visits_ahead(still_open, protocol)

    with progress_bar((), "measuring", ahead(), unit="visit", leave=False, show=show) as bar:

        def count(visit: Visit) -> None:
            if visit.key == SENTINEL or bar.disable:  # a bar that is not shown stays at 0
                return
            seen[visit.key].append(visit)
            bar.update()
            if bar.n % max(len(seen), 1) == 0:
                bar.total = bar.n + ahead()

        yield count
