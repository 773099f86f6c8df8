"""A shell script as commands of words that know their lines; nothing in it is run."""

import re
from collections.abc import Iterator

from msgspec import Struct

from proxyless_nas.language.values import Place, refuse

PIECE = re.compile(
    r"(?P<joint>\\\r?\n)"
    r"|(?P<end>\n|[;&|()]+)"
    r"|(?P<space>[^\S\n]+)"
    r"|(?P<redirect>\d?(?:>>|[<>])(?:&[\d-])?)"
    r"|(?P<word>(?:[^\s'\"\\;&|()<>]|'[^'\n]*'|\"(?:[^\"\\\n]|\\.)*\"|\\[^\r\n])+)"
)
COMMENT = re.compile(r"#[^\n]*")
QUOTED = re.compile(r"'([^']*)'|\"((?:[^\"\\]|\\.)*)\"|\\(.)")


class Word(Struct, frozen=True):
    """A word without its quotes."""

    text: str
    place: Place


def commands(text: str, file: str) -> list[list[Word]]:
    """The words of each command, without comments, and without what is redirected where.

    A backslash at the end of a line goes on with the next one. ValueError with FILE:LINE for a
    quote that does not end.
    """
    found: list[list[Word]] = [[]]
    target = False
    for kind, piece, place in _pieces(text, file):
        if kind == "end":
            found.append([])
            target = False
        elif kind == "redirect":
            target = "&" not in piece
        elif kind == "word":
            if not target:
                found[-1].append(Word(_unquoted(piece), place))
            target = False
    return [one for one in found if one]


def _pieces(text: str, file: str) -> Iterator[tuple[str, str, Place]]:
    at, line, fresh = 0, 1, True
    while at < len(text):
        found = COMMENT.match(text, at) if fresh else None
        kind = "space"
        if found is None:
            found = PIECE.match(text, at)
            kind = str(found.lastgroup) if found else ""
        if found is None:
            what = "a quote does not end" if text[at] in "'\"" else "a backslash ends the file"
            refuse(Place(file, line), (), what)
        yield kind, found.group(), Place(file, line)
        line += found.group().count("\n")
        at, fresh = found.end(), kind != "word"


def _unquoted(word: str) -> str:
    def plain(found: re.Match[str]) -> str:
        single, double, escaped = found.groups()
        return single or re.sub(r"\\(.)", r"\1", double or "") or escaped or ""

    return QUOTED.sub(plain, word)
