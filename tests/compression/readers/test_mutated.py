"""Property: whatever is done to a file, a reader reads it, or refuses it with its line."""

import re
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compression.readers import Like, decent_p, pocketflow
from compression.readers.pocketflow.parsing import LEARNERS, OWNERS
from compression.readers.reading import Reading
from compression.recipe import Recipe
from proxyless_nas.subject import Subject
from tests.compression.readers.decent_p.test_reading import CONFIG, DARKNET
from tests.compression.readers.pocketflow.commands import SCRIPT
from tests.compression.readers.pocketflow.test_flags import SCRIPT_OF_TWO_LINES
from tests.compression.readers.running import subject

ODD = ["0", "-1", "1e400", "nan", "inf", "9" * 40, ".", "[]", "{", "}", "'", '"', "\\", "\n",
       "\x00", "=", ":", "#", "$x", "--", "-", "é", "true", "\\\n", ";", "|", "2>&1"]  # fmt: skip
FLAGS = [f"--{name}" for name in OWNERS]
FILES: dict[Like, tuple[list[str], list[str]]] = {
    "decent_p": ([CONFIG, DARKNET], re.findall(r"\w+|\S", CONFIG + DARKNET)),
    "pocketflow": (
        [SCRIPT_OF_TWO_LINES, *(f"{SCRIPT} --learner {name} --n=1\n" for name in LEARNERS)],
        [*FLAGS, *LEARNERS, "0.5", "3", "True"],
    ),
}
"""By dialect, files and what else may stand in them."""


READ: dict[Like, Callable[[str, str, Subject, int], Reading]] = {
    "decent_p": decent_p.read,
    "pocketflow": pocketflow.read,
}


def changes(pieces: list[str]) -> st.SearchStrategy[list[tuple[int, str, str]]]:
    one = st.tuples(
        st.integers(0, 10_000),
        st.sampled_from(["put", "cut", "swap"]),
        st.sampled_from(pieces + ODD),
    )
    return st.lists(one, min_size=1, max_size=4)


def mutated(text: str, done: list[tuple[int, str, str]]) -> str:
    tokens = re.findall(r"[\w.-]+|\s+|.", text, re.DOTALL)
    for place, change, piece in done:
        at = place % max(1, len(tokens))
        if change == "put":
            tokens.insert(at, f" {piece} ")
        elif change == "cut":
            del tokens[at : at + 1]
        else:
            tokens[at : at + 1] = [piece]
    return "".join(tokens)


def must_be_read_or_refused(like: Like, text: str) -> None:
    try:
        found = READ[like](text, "own.file", subject(), 0)
    except ValueError as error:
        assert re.match(r"own\.file:\d+: ", str(error)), str(error)
        return
    assert found.notes and (found.recipe is None or isinstance(found.recipe, Recipe))


@given(st.sampled_from(FILES["decent_p"][0]), changes(FILES["decent_p"][1]))
@settings(max_examples=150, deadline=None)
def test_a_mutated_configuration_of_decent_p(text: str, done: list[tuple[int, str, str]]) -> None:
    must_be_read_or_refused("decent_p", mutated(text, done))


@given(st.sampled_from(FILES["pocketflow"][0]), changes(FILES["pocketflow"][1]))
@settings(max_examples=60, deadline=None)
def test_a_mutated_command_of_pocketflow(text: str, done: list[tuple[int, str, str]]) -> None:
    must_be_read_or_refused("pocketflow", mutated(text, done))


@pytest.mark.slow
@given(st.sampled_from(FILES["pocketflow"][0]), changes(FILES["pocketflow"][1]))
@settings(max_examples=600, deadline=None)
def test_many_mutated_commands(text: str, done: list[tuple[int, str, str]]) -> None:
    must_be_read_or_refused("pocketflow", mutated(text, done))
