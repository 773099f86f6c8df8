"""From words of a script to one command of PocketFlow's: its network, its learner, its flags."""

import math
import re
from collections.abc import Sequence
from typing import Any, NoReturn

from msgspec import Struct
from msgspec.structs import fields

from compression.readers.arguments import typed
from compression.readers.pocketflow import flags
from compression.readers.pocketflow.shell import Word, commands
from compression.readers.reading import Note
from proxyless_nas.files import did_you_mean
from proxyless_nas.language.values import Map, Place, refuse

LEARNERS: dict[str, type[flags.Flags] | None] = {
    "full-prec": None,
    "channel": flags.Channel,
    "chn-pruned-gpu": flags.ChannelGpu,
    "chn-pruned-rmt": flags.ChannelRmt,
    "dis-chn-pruned": flags.Discriminating,
    "weight-sparse": flags.Sparse,
    "uniform": flags.Uniform,
    "non-uniform": flags.Codebook,
    "uniform-tf": flags.UniformTf,
}
"""Each learner, and the flags that only it reads."""
OWNERS: dict[str, type[flags.Flags]] = {
    field.name: kind
    for kind in (
        flags.Training, flags.Distillation, flags.Agent,
        *(kind for kind in LEARNERS.values() if kind is not None),
    )
    for field in fields(kind)
}  # fmt: skip
TYPES = {field.name: field.type for kind in {*OWNERS.values()} for field in fields(kind)}
ALIASES = {"n": "nb_gpus"}
NET = re.compile(r"(?:.*/)?(\w+)_run\.py")
SCRIPT = re.compile(r"(?:.*/)?(?:run_(?:local|docker|seven)\.sh|main\.py)")
NUMBER = re.compile(r"[+-]?(?:\d{1,18}\.?\d{0,18}|\.\d{1,18})(?:[eE][+-]?\d{1,2})?")
TRUTHS = {"true": True, "t": True, "1": True, "yes": True, "y": True}
TRUTHS |= {"false": False, "f": False, "0": False, "no": False, "n": False}


class Command(Struct, frozen=True):
    """What one command says; `given` has the flags in their order, each with what was written."""

    net: Word | None
    given: tuple[tuple[str, Word], ...]
    training: flags.Training
    distillation: flags.Distillation
    own: flags.Flags | None
    """The flags of its learner, the others by their defaults."""
    places: dict[str, Place]
    top: Place
    """Where the command begins."""
    notes: tuple[Note, ...]
    """Of what is no part of it."""

    def at(self, flag: str) -> Place:
        """The line of a flag; where it is left out, that of the learner, or of the command."""
        return self.places.get(flag, self.places.get("learner", self.top))

    def refuse(self, flag: str, reason: str) -> NoReturn:
        """ValueError at a flag's line."""
        refuse(self.at(flag), (flag,), reason)


def parse(text: str, file: str) -> Command:
    """The command in a script, or in a file of flags.

    ValueError with FILE:LINE for no command or two, a flag that PocketFlow does not have, and a
    value that a flag cannot have.
    """
    words: list[Word] = []
    net: Word | None = None
    notes: list[Note] = []
    for one in commands(text, file):
        found = _part(one)
        if found is None:
            said = "no command of PocketFlow's: passed over"
            notes.append(Note(one[0].place, one[0].text, "cannot be", said))
            continue
        called, own = found
        if called is not None and net is not None:
            refuse(called.place, (), f"a second command, behind the one of {net.place}")
        net = net or called
        words += own
    if net is None and not words:
        refuse(Place(file, 1), (), "no command of PocketFlow's")
    pairs = _pairs(words)
    top = net.place if net is not None else words[0].place
    return _typed(net, pairs, top, notes)


def _part(words: Sequence[Word]) -> tuple[Word | None, Sequence[Word]] | None:
    """The network's script and the flags in a command; None where it is another program's."""
    nets = [number for number, word in enumerate(words) if NET.fullmatch(word.text)]
    if nets:
        return words[nets[0]], words[nets[0] + 1 :]
    scripts = [number for number, word in enumerate(words) if SCRIPT.fullmatch(word.text)]
    if scripts:
        return None, words[scripts[-1] + 1 :]
    return (None, words) if words[0].text.startswith("-") else None


def _pairs(words: Sequence[Word]) -> list[tuple[str, Word, Any]]:
    """(flag, what was written, value) of each flag."""
    found: list[tuple[str, Word, Any]] = []
    rest = list(reversed(words))
    while rest:
        word = rest.pop()
        name, equals, value = word.text.lstrip("-").partition("=")
        if not word.text.startswith("-") or not name:
            refuse(word.place, (), f"a flag stands here, not {word.text!r}")
        if "$" in word.text:
            refuse(word.place, (), f"a variable: write the value in {word.text} itself")
        flag = ALIASES.get(name, name)
        if flag not in OWNERS and TYPES.get(name.removeprefix("no")) is bool and not equals:
            found.append((name.removeprefix("no"), word, False))
            continue
        if flag not in OWNERS:
            hint = did_you_mean(name, [*OWNERS])
            refuse(word.place, (), f"PocketFlow has no flag --{name}{hint}")
        if not equals and TYPES[flag] is bool:
            _must_stand_alone(flag, rest)
            found.append((flag, word, True))
            continue
        if not equals:
            if not rest:
                refuse(word.place, (flag,), "it has no value")
            value = rest.pop().text
            word = Word(f"{word.text} {value}", word.place)
        found.append((flag, word, _value(flag, value, word.place)))
    return found


def _must_stand_alone(flag: str, rest: Sequence[Word]) -> None:
    """ValueError for a truth behind a space, which the flag would not see."""
    if rest and rest[-1].text.lower() in TRUTHS:
        refuse(
            rest[-1].place, (flag,), f"PocketFlow does not read {rest[-1].text} behind a space: "
            f"write --{flag}={rest[-1].text}"
        )  # fmt: skip


def _value(flag: str, text: str, place: Place) -> Any:
    """A text as a flag of its type means it; what it cannot mean stays, and is refused later."""
    if "$" in text:
        refuse(place, (flag,), f"a variable: write the value of {text} itself")
    if TYPES[flag] is bool:
        return TRUTHS.get(text.lower(), text)
    if TYPES[flag] is str or not NUMBER.fullmatch(text):
        return text
    return int(text) if re.fullmatch(r"[+-]?\d+", text) else _finite(text)


def _finite(text: str) -> float | str:
    number = float(text)
    return number if math.isfinite(number) else text


def _typed(
    net: Word | None, pairs: list[tuple[str, Word, Any]], top: Place, notes: Sequence[Note]
) -> Command:
    places = {flag: word.place for flag, word, _ in pairs}
    values: dict[type[flags.Flags], Map] = {kind: Map() for kind in OWNERS.values()}
    for flag, word, value in pairs:
        values[OWNERS[flag]].put(flag, value, word.place)
    read = {kind: typed(kind, own, top, "PocketFlow") for kind, own in values.items()}
    training = typed(flags.Training, values[flags.Training], top, "PocketFlow")
    if training.learner not in LEARNERS:
        hint = did_you_mean(training.learner, [*LEARNERS])
        refuse(places["learner"], (), f"PocketFlow has no learner {training.learner}{hint}")
    kind = LEARNERS[training.learner]
    return Command(
        net=net,
        given=tuple((flag, word) for flag, word, _ in pairs),
        training=training,
        distillation=typed(flags.Distillation, values[flags.Distillation], top, "PocketFlow"),
        own=None if kind is None else read[kind],
        places=places,
        top=top,
        notes=tuple(notes),
    )
