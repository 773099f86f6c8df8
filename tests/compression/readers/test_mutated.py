"""Property: whatever is done to a file, a reader reads it, or refuses it with its line."""

import re
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from shlex import quote

import msgspec
import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from compression.readers import Like, decent_p, pocketflow, read_as
from compression.readers.pocketflow.parsing import LEARNERS, OWNERS
from compression.readers.reading import Reading
from compression.readers.writing import recipe_text
from compression.recipe import Recipe
from proxyless_nas.notice import Notice
from proxyless_nas.subject import Subject
from tests.broken_yaml import TRACE, Change, changed, changes
from tests.compression.readers.decent_p.test_reading import CONFIG, DARKNET
from tests.compression.readers.mayo import tiny
from tests.compression.readers.pocketflow.commands import SCRIPT
from tests.compression.readers.pocketflow.test_flags import SCRIPT_OF_TWO_LINES
from tests.compression.readers.running import subject
from tests.compression.readers.samples import TREES, policy_at, pruned, scheduled

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


def edits(pieces: list[str]) -> st.SearchStrategy[list[tuple[int, str, str]]]:
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


@given(st.sampled_from(FILES["decent_p"][0]), edits(FILES["decent_p"][1]))
@settings(max_examples=150, deadline=None)
def test_a_mutated_configuration_of_decent_p(text: str, done: list[tuple[int, str, str]]) -> None:
    must_be_read_or_refused("decent_p", mutated(text, done))


@given(st.sampled_from(FILES["pocketflow"][0]), edits(FILES["pocketflow"][1]))
@settings(max_examples=60, deadline=None)
def test_a_mutated_command_of_pocketflow(text: str, done: list[tuple[int, str, str]]) -> None:
    must_be_read_or_refused("pocketflow", mutated(text, done))


@pytest.mark.slow
@given(st.sampled_from(FILES["pocketflow"][0]), edits(FILES["pocketflow"][1]))
@settings(max_examples=250, deadline=None)
def test_many_mutated_commands(text: str, done: list[tuple[int, str, str]]) -> None:
    must_be_read_or_refused("pocketflow", mutated(text, done))


@cache
def network(like: Like) -> Subject:
    return tiny.subject() if like == "mayo" else subject()


def must_be_read_whole(like: Like, text: str, folder: Path) -> None:
    """It is read, and what it becomes reads back the same; or it is refused with its line."""
    file = folder / "own.yaml"
    file.write_text(text)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Notice)  # of a key that stands there twice
            found = read_as([str(file)], network(like), like)
    except ValueError as error:
        assert re.match(rf"{re.escape(str(file))}:\d+: ", str(error)), str(error)
        return
    finally:
        assert not Path(TRACE).exists()
    if found.recipe is not None:
        written = yaml.safe_load(recipe_text(found.recipe, "own"))
        assert msgspec.convert(written, Recipe) == found.recipe


FIELD = re.compile(r"""(\w+)(\s*[:=]\s*)("[^"]*"|'[^']*'|[^\s}]+)""")


def fields_changed(text: str, done: list[Change]) -> str:
    """A configuration of decent_p, its fields changed one after another."""
    for number, deed, odd in done:
        found = list(FIELD.finditer(text))
        one = found[number % len(found)]
        key, mark, value = one.groups()
        new = {"replace": f"{key}{mark}{odd}", "rename": f"{odd}{mark}{value}", "delete": "",
               "twice": f"{one[0]}\n{one[0]}"}  # fmt: skip
        text = text[: one.start()] + new[deed] + text[one.end() :]
    return text


@given(st.sampled_from(FILES["decent_p"][0]), changes())
@settings(max_examples=30, deadline=None)
def test_changed_fields_of_decent_p(text: str, done: list[Change]) -> None:
    must_be_read_or_refused("decent_p", fields_changed(text, done))


def flags_of(done: list[Change]) -> str:
    """Flags of PocketFlow's with odd values, without one, said twice, or unknown."""
    words: list[str] = []
    for number, deed, odd in done:
        flag, value = FLAGS[number % len(FLAGS)], quote(odd)
        words += {"replace": [flag, value], "rename": [f"--{value}", "1"], "delete": [flag],
                  "twice": [f"{flag}={value}"] * 2}[deed]  # fmt: skip
    return " ".join(words)


@given(st.sampled_from(sorted(LEARNERS)), changes())
@settings(max_examples=40, deadline=None)
def test_odd_flags_of_pocketflow(learner: str, done: list[Change]) -> None:
    must_be_read_or_refused("pocketflow", f"{SCRIPT} --learner {learner} {flags_of(done)}\n")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mutated")


@given(st.sampled_from(TREES["distiller"]), changes())
@example(policy_at("instance_name: [low]"), [])
@example(policy_at("instance_name: {low: 1}"), [])
@example(policy_at(times="starting_epoch: [0], ending_epoch: 2, frequency: 1"), [])
@example(policy_at(times="starting_epoch: 0, ending_epoch: [2], frequency: 1"), [])
@example(policy_at(times=f"starting_epoch: 0, ending_epoch: {'9' * 23}, frequency: 1"), [])
@example(policy_at(times=f"epochs: [0, {'9' * 23}]"), [])
@example(scheduled("MultiStepLR, milestones: [20, 10]"), [])
@example(scheduled("MultiStepMultiGammaLR, milestones: [1, 2], gammas: [0.1]"), [])
@example(scheduled("StepLR, step_size: 0"), [])
@example(scheduled("CosineAnnealingLR, T_max: .inf"), [])
@example(pruned("initial_sparsity: 0.1, final_sparsity: 1.5"), [])
@example(pruned("initial_sparsity: .nan, final_sparsity: 0.5"), [])
@settings(max_examples=30, deadline=None)
def test_a_changed_tree_of_distiller(folder: Path, text: str, done: list[Change]) -> None:
    must_be_read_whole("distiller", changed(text, done), folder)


def rate(args: str, name: str = "exponential_decay") -> str:
    return f"train.learning_rate: {{type: tf.train.{name}, learning_rate: 0.1, {args}}}\n"


@given(st.sampled_from(TREES["mayo"]), changes())
@example(rate("decay_steps: .inf, decay_rate: 0.16"), [])
@example(rate("decay_steps: .nan, decay_rate: 0.16"), [])
@example(rate("decay_steps: 1e-9, decay_rate: 0.16"), [])
@example(rate("decay_steps: 0.001, decay_rate: 1e9"), [])
@example(rate("decay_steps: 2.5, power: -1", "polynomial_decay"), [])
@example(rate("decay_steps: 4, end_learning_rate: -0.1", "polynomial_decay"), [])
@example(rate("decay_steps: 4", "polynomial_decay").replace("0.1", "1e-320"), [])
@example(rate("boundaries: [2], values: [1e-320, 0.1]", "piecewise_constant"), [])
@example(rate("decay_steps: 30.5, decay_rate: 0.1") + "system.max_epochs: .inf\n", [])
@example(rate("decay_steps: 30, decay_rate: 0.1") + "system: [1]\n", [])
@example(f"train.learning_rate: {'9' * 400}\n", [])
@example("model.layers.conv2.gate_params: {density: 0.5, factor: -1, regularizer: l1}\n", [])
@example("model: {x: {y: $(model)}, layers: {conv0: $(model.x)}}\n", [])
@settings(max_examples=50, deadline=None)
def test_a_changed_tree_of_mayo(folder: Path, text: str, done: list[Change]) -> None:
    must_be_read_whole("mayo", changed(text, done), folder)


@pytest.mark.slow
@given(st.sampled_from([(like, text) for like, each in TREES.items() for text in each]), changes())
@settings(max_examples=250, deadline=None)
def test_many_changed_trees(folder: Path, own: tuple[Like, str], done: list[Change]) -> None:
    must_be_read_whole(own[0], changed(own[1], done), folder)


@pytest.mark.parametrize("like, text", [(like, one) for like in TREES for one in TREES[like]])
def test_an_unchanged_tree_is_read(folder: Path, like: Like, text: str) -> None:
    (folder / "own.yaml").write_text(text)
    assert read_as([str(folder / "own.yaml")], network(like), like).notes
    must_be_read_whole(like, changed(text, []), folder)
