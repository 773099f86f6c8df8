"""Text-proto as maps that know their lines: `key: value`, `name { ... }`, repeated keys."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from proxyless_nas.language.values import Items, Map, Path, Place, refuse

TOKEN = re.compile(
    r"(?P<space>\s+|\#[^\n]*)"
    r"|(?P<text>\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*')"
    r"|(?P<mark>[{}:;,])"
    r"|(?P<word>[^\s{}:;,\"'#<>\[\]]+)"
)
KEY = re.compile(r"[A-Za-z_]\w*")
NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?f?")
DEEPEST = 50
LONGEST = 30
"""Digits of a number."""


@dataclass(frozen=True)
class Token:
    """A piece of the text: a quoted one, a mark or a word."""

    kind: str
    text: str
    place: Place


def parse(text: str, file: str) -> Map:
    """The fields of a text; one whose key is repeated is `Items`, at the place of the first.

    A value is a text, a number, a truth, a bare word, or a `Map`. ValueError with FILE:LINE and the
    keys on the way for what is no text-proto.
    """
    tokens = list(_tokens(text, file))
    end = Place(file, text.count("\n") + 1)
    return _Parser(tokens, end).fields((), None)


def _tokens(text: str, file: str) -> Iterator[Token]:
    at, line = 0, 1
    while at < len(text):
        found = TOKEN.match(text, at)
        if found is None:
            what = "a quote that does not end" if text[at] in "\"'" else f"an unexpected {text[at]}"
            refuse(Place(file, line), (), what)
        if found.lastgroup != "space":
            yield Token(str(found.lastgroup), found.group(), Place(file, line))
        line += found.group().count("\n")
        at = found.end()


class _Parser:
    """Goes through tokens once."""

    def __init__(self, tokens: list[Token], end: Place) -> None:
        self._tokens, self._end, self._at = tokens, end, 0

    def fields(self, path: Path, opened: Place | None) -> Map:
        """All up to the end of the text or, where a brace was `opened`, up to its other one."""
        if len(path) > DEEPEST:
            refuse(opened, (), f"more than {DEEPEST} braces in one another")
        found = Map()
        while True:
            token = self._next()
            if token is None or (token.text == "}" and token.kind == "mark"):
                self._must_close(token, opened, path)
                return found
            if token.kind == "mark" and token.text in ";,":
                continue
            if token.kind != "word" or not KEY.fullmatch(token.text):
                refuse(token.place, path, f"a key stands here, not {token.text}")
            _put(found, token.text, self._value((*path, token.text), token.place), token.place)

    def _must_close(self, token: Token | None, opened: Place | None, path: Path) -> None:
        if token is None and opened is not None:
            refuse(opened, path, "its brace does not close")
        if token is not None and opened is None:
            refuse(token.place, path, "a brace closes that was not opened")

    def _value(self, path: Path, place: Place) -> Any:
        token = self._next()
        if token is not None and token.text == ":" and token.kind == "mark":
            token = self._next()
        elif token is not None and (token.kind, token.text) != ("mark", "{"):
            refuse(place, path, f"a colon, or a brace, comes behind the key, not {token.text}")
        if token is None or (token.kind == "mark" and token.text != "{"):
            refuse(place, path, "it has no value")
        if token.kind == "mark":
            return self.fields(path, token.place)
        if token.kind == "text":
            return re.sub(r"\\(.)", r"\1", token.text[1:-1])
        return _plain(token, path)

    def _next(self) -> Token | None:
        self._at += 1
        return self._tokens[self._at - 1] if self._at <= len(self._tokens) else None


def _put(fields: Map, key: str, value: Any, place: Place) -> None:
    """Add a field; where the key is there already, both stand in a list."""
    if key not in fields:
        fields.put(key, value, place)
        return
    before = fields[key]
    each = list(before.lines()) if isinstance(before, Items) else [(before, fields.places[key])]
    fields[key] = Items([*each, (value, place)])


def _plain(token: Token, path: Path) -> str | bool | int | float:
    """What a bare word says."""
    word = token.text
    if word in ("true", "false"):
        return word == "true"
    if len(word) > LONGEST or not NUMBER.fullmatch(word):
        return word
    number = float(word.removesuffix("f"))
    if not math.isfinite(number):
        refuse(token.place, path, f"{word} is no number that can be held")
    return int(word) if re.fullmatch(r"[+-]?\d+", word) else number
