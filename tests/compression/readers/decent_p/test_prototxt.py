"""Text-proto: values, blocks, repeated keys, lines, and what is refused."""

import pytest

from compression.readers.decent_p.prototxt import parse
from proxyless_nas.language.values import Items, Map

TEXT = """\
# a comment: "with quotes"
name: "a # no comment" other: 'it is \\'quoted\\''   # one more
size: 3; share: .25, small: -1e-3 third: 2.5f yes: true word: REGULAR
block { inner: 1 }
block: {
  inner: 2
  deeper { x: "y" }
}
size: 4
"""


def test_values_are_texts_numbers_truths_words_and_blocks() -> None:
    found = parse(TEXT, "file")
    assert {key: value for key, value in found.items() if not isinstance(value, Items)} == {
        "name": "a # no comment", "other": "it is 'quoted'", "share": 0.25, "small": -0.001,
        "third": 2.5, "yes": True, "word": "REGULAR",
    }  # fmt: skip
    assert type(found["share"]) is float and found["yes"] is True


def test_a_key_that_is_repeated_becomes_a_list_and_keeps_its_lines() -> None:
    found = parse(TEXT, "file")
    sizes, blocks = found["size"], found["block"]
    assert list(sizes) == [3, 4] and [place.line for place in sizes.places] == [3, 9]
    assert [place.line for place in blocks.places] == [4, 5]
    assert all(isinstance(one, Map) for one in blocks)
    assert blocks[1]["deeper"].places["x"].line == 7 and blocks[1]["deeper"]["x"] == "y"
    assert found.places["name"].line == 2


@pytest.mark.parametrize(
    "text, message",
    [
        ('a: "b\nc: "d"', ":1: a quote that does not end"),
        ("a: 1\nb {\n  c: 2\n", ":2: b: its brace does not close"),
        ("a: 1\n}\n", ":2: a brace closes that was not opened"),
        ("a:\n}", ":1: a: it has no value"),
        ("a", ":1: a: it has no value"),
        ("a b: 1", ":1: a: a colon, or a brace, comes behind the key, not b"),
        ("a { b 1 }", r":1: a\.b: a colon, or a brace"),
        ("\n3: 1", ":2: a key stands here, not 3"),
        ("a { : 1 }", ":1: a: a key stands here, not :"),
        ("a: [1, 2]", r":1: an unexpected \["),
        ("a: 1e999", ":1: a: 1e999 is no number"),
        ("a {" * 60, ":1: more than 50 braces"),
    ],
)
def test_what_is_wrong_is_refused_with_its_line_and_key(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=rf"^file{message}"):
        parse(text, "file")
