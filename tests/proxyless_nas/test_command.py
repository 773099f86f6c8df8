"""Laws of the command line: what is written is what was parsed, and mistakes fit on a line."""

import signal
import subprocess
import sys
from typing import Annotated

import pytest
import tyro
from msgspec import Struct
from msgspec.structs import replace

from proxyless_nas.command import Command, Switch, flags_of, parse, run_one, short
from proxyless_nas.files import did_you_mean, write_json
from tests.launch import ROOT


class Config(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Do a thing.

    And say more of it.
    """

    arch: str
    """Which."""
    epochs: int = 3
    """How long."""
    color_jitter: bool = False
    """Whether."""
    widths: tuple[float, ...] = (0.5, 1.0)
    """How wide."""
    path: str | None = None
    """Where."""


def test_flags_are_spelled_with_hyphens_and_have_defaults() -> None:
    assert parse("x", Config, ["--arch", "a"]) == Config(arch="a")
    words = ["--arch", "a", "--color-jitter", "--widths", "1", "2", "--path", "p", "--epochs=4"]
    expected = Config(arch="a", color_jitter=True, widths=(1.0, 2.0), path="p", epochs=4)
    assert parse("x", Config, words) == expected


class Shorter(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Do it in fewer letters."""

    arch: Annotated[str, short("a")]
    """Which."""
    batch_size: Annotated[int, short("b")] = 8
    """How many."""
    loud: Annotated[bool, short("l")] = False
    """Whether."""
    shift: int | None = None
    """How far."""
    dim: Switch = None
    """Whether, or as it was."""


def test_a_switch_is_on_off_or_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    for words, expected in ("--dim", True), ("--no-dim", False), ("", None):
        assert parse("x", Shorter, ["-a", "x", *words.split()]).dim is expected
    with pytest.raises(SystemExit):
        parse("x", Shorter, ["--help"])
    assert "--dim, --no-dim" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [
        "-a x -b 64 -l --shift -3",
        "-a=x -b=64 -l --shift=-3",
        "--arch x -b64 --loud --shift -3",
    ],
)
def test_short_flags_say_what_long_ones_say(words: str) -> None:
    expected = Shorter(arch="x", batch_size=64, loud=True, shift=-3)
    assert parse("x", Shorter, words.split()) == expected


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("-a x -k 3", "no flag -k; see `x --help`"),
        ("-arch x", r"no flag -arch \(did you mean --arch\?\)"),
        ("-a x -batch_size=3", r"no flag -batch_size \(did you mean --batch-size\?\)"),
        ("-b 3", "needs --arch"),
        ("-a x -b many", "-b.*invalid literal for int.*'many'"),
    ],
)
def test_a_mistaken_short_flag_is_one_line(words: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint) as caught:
        parse("x", Shorter, words.split())
    assert "\n" not in str(caught.value)


def test_help_shows_both_spellings_and_no_none_to_type(capsys) -> None:
    with pytest.raises(SystemExit) as end:
        parse("x", Shorter, ["--help"])
    assert not end.value.code
    page = capsys.readouterr().out
    assert "-b INT, --batch-size INT" in page
    assert "{None}" not in page
    assert parse("x", Shorter, ["-a", "x", "--shift", "None"]).shift is None


class Told(Shorter, frozen=True, kw_only=True):
    """Do something, and say in a first sentence what it is that is done.

    Then tell more about it, in a second paragraph that is long enough for more lines than one,
    and in a second line of its own.
    """

    depth: int = 3
    """How deep it goes, told in a sentence that is too long for one line of a docstring, and then
    goes on in another."""


def test_help_breaks_lines_where_the_page_ends_and_not_where_a_docstring_does(
    capsys, monkeypatch, tmp_path
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    write_json(tmp_path / "told.json", Told(arch="a", depth=7))
    with pytest.raises(SystemExit):
        parse("x", Told, ["--help", "--from", str(tmp_path / "told.json")])
    page = capsys.readouterr().out
    assert "of a docstring, and then goes on in another. (default: 7)" in page
    assert "\n  Do something, and" in page
    assert "\n  Then tell more about it, in a second paragraph that is long enough" in page
    assert "for more lines than one, and in a second line of its own.\n" in page
    monkeypatch.setenv("COLUMNS", "60")
    with pytest.raises(SystemExit):
        parse("x", Told, ["--help"])
    _usage, *lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 60


@pytest.mark.parametrize(
    "config",
    [
        Config(arch="a"),
        Config(arch="a b", epochs=9, color_jitter=True, widths=(0.25, 2.0), path="p"),
        Shorter(arch="x", batch_size=7, loud=True, shift=-3, dim=False),
        Shorter(arch="x", dim=True, shift=None),
    ],
)
def test_a_config_is_read_again_from_its_flags(config: Struct) -> None:
    assert parse("x", type(config), flags_of(config)) == config
    assert flags_of(Config(arch="a")) == ["--arch", "a"]


def test_a_written_config_is_read_back_as_defaults(tmp_path) -> None:
    config = Config(arch="a", epochs=9, color_jitter=True, widths=(0.25,), path="p")
    write_json(tmp_path / "config.json", config)
    again = ["--from", str(tmp_path / "config.json")]
    assert parse("x", Config, again) == config
    assert parse("x", Config, [*again, "--epochs", "2"]) == replace(config, epochs=2)
    assert parse("x", Config, [*again, "--no-color-jitter"]) == replace(config, color_jitter=False)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--arhc", "a"], r"no flag --arhc \(did you mean --arch\?\); see `x --help`"),
        ([], "needs --arch; see `x --help`"),
        (["--arch", "a", "--epochs", "many"], "--epochs: invalid literal for int.*'many'"),
        (["--arch", "a", "--from"], "--from needs a file"),
        (["--from", "/nowhere/config.json"], "no file /nowhere/config.json"),
    ],
)
def test_a_mistake_is_one_line(words: list[str], complaint: str) -> None:
    with pytest.raises((ValueError, FileNotFoundError), match=complaint) as caught:
        parse("x", Config, words)
    assert "\n" not in str(caught.value)


def test_a_key_that_the_config_does_not_have_is_refused(tmp_path) -> None:
    (tmp_path / "config.json").write_text('{"arch": "a", "epoch": 3}')
    with pytest.raises(ValueError, match=r"epoch.*did you mean epochs"):
        parse("x", Config, ["--from", str(tmp_path / "config.json")])


@pytest.mark.parametrize(
    ("failure", "code"),
    [(None, 0), (ValueError("v"), 2), (LookupError("l"), 2), (OSError("o"), 2)],
)
def test_exit_codes(failure: Exception | None, code: int, capsys) -> None:
    def obey(config: Config) -> None:
        if failure is not None:
            raise failure

    with pytest.raises(SystemExit) as end:
        run_one("x", Command(Config, obey), ["--arch", "a"])
    assert end.value.code == code
    assert capsys.readouterr().err == (f"error: {failure}\n" if failure else "")


def test_ctrl_c_says_that_the_same_command_continues(capsys) -> None:
    def obey(config: Config) -> None:
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as end:
        run_one("x", Command(Config, obey), ["--arch", "a"])
    assert end.value.code == 130
    assert "continues" in capsys.readouterr().err


class Placed(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Do it to a run."""

    run: tyro.conf.Positional[str]
    """Which."""
    out: str | None = None
    """Where."""


def test_a_word_without_a_flag_can_be_asked_for() -> None:
    assert parse("x", Placed, ["a", "--out", "b"]) == Placed(run="a", out="b")
    for words in ([], ["--out", "b"], ["--run", "a"], ["a", "b"]):
        with pytest.raises(ValueError, match=r"x --help") as caught:
            parse("x", Placed, words)
        assert len(str(caught.value).splitlines()) == 1


def test_a_far_word_gets_no_guess() -> None:
    assert did_you_mean("zzz", ["alpha", "beta"]) == ""
    assert did_you_mean("alpa", ["alpha", "beta"]) == " (did you mean alpha?)"


@pytest.mark.slow
def test_a_reader_that_has_seen_enough_is_no_mistake() -> None:
    for words in (["-m", "compression", "int8", "--help"], ["-m", "compression"]):
        with subprocess.Popen(
            [sys.executable, *words], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            assert process.stdout is not None and process.stderr is not None
            process.stdout.close()
            assert process.stderr.read() == b""
            assert process.wait() == 128 + signal.SIGPIPE
