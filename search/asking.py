"""Ask a strategy and tell it what was seen, with a journal: a search that trains nothing."""

import time
from collections.abc import Callable, Sequence

from proxyless_nas.progress import progress_bar
from search.choices import Choices, Evidence
from search.journal import Journal, Line
from search.strategies.base import Strategy

Judge = Callable[[int, Choices], Evidence]
"""What is seen of choices; the number counts all that were asked before in this search."""
PATIENCE = 0.2
"""Seconds until it is asked again what other processes have judged."""


def ask_and_tell(strategy: Strategy, judge: Judge, journal: Journal, most: int, title: str) -> int:
    """Until the strategy asks no more, or `most` were judged; how many were.

    What the journal holds is told again instead of judged: a strategy whose chance is its own then
    asks the same, so a search that was killed goes on as if it had not been, and several processes
    with one journal share the judgements of what is asked at once: each is told all of them.
    ValueError where the journal is of another search.
    """
    done = 0
    begun = time.perf_counter() - journal.seconds
    with progress_bar((), title, most, len(journal.lines)) as bar:

        def judged(number: int, choices: Choices) -> None:
            seen = judge(number, choices)
            journal.add(Line.of(number, choices, seen, time.perf_counter() - begun))

        def shown() -> None:
            bar.update(len(journal.lines) - bar.n)

        while done < most:
            asked = list(strategy.ask())[: most - done]
            if not asked:
                break
            _share(asked, done, journal, judged, shown)
            lines = [journal.line(number) for number in range(done, done + len(asked))]
            evidence: list[Evidence] = []
            for number, (choices, line) in enumerate(zip(asked, lines, strict=True), done):
                assert line is not None
                if line.options != choices.options:
                    raise ValueError(
                        f"judgement {number} of the journal is of other choices: this search was "
                        "begun otherwise; give another --out"
                    )
                evidence.append(line.evidence())
            strategy.tell(asked, evidence)
            done += len(asked)
    return done


def _share(
    asked: Sequence[Choices], first: int, journal: Journal,
    judged: Callable[[int, Choices], None], shown: Callable[[], None],
) -> None:  # fmt: skip
    """Judge what nobody else does, until all that was asked is judged."""
    missing = dict(enumerate(asked, first))
    while missing:
        before = len(missing)
        for number, choices in list(missing.items()):
            with journal.claimed(number) as ours:
                if ours:
                    judged(number, choices)
            if journal.line(number) is not None:
                del missing[number]
                shown()
        if len(missing) == before:
            time.sleep(PATIENCE)
