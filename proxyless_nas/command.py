"""One way to read a command line: a frozen config struct, `--from FILE` for its defaults."""

import contextlib
import inspect
import io
import os
import re
import select
import shutil
import signal
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, NoReturn, TypeVar, get_args, get_origin

import docstring_parser
import tyro
from msgspec import NODEFAULT, Struct, defstruct
from msgspec.structs import FieldInfo, fields

from proxyless_nas.files import did_you_mean, read_json
from proxyless_nas.notice import print_notices

Config = TypeVar("Config", bound=Struct)
BOX = re.compile(r"[╭╮╰╯│─]+")
SWITCHES = (bool, bool | None)
FLAG = re.compile(r"(--[^=]*|-[A-Za-z](?=\d)|-[A-Za-z][^=]*)")
PREFIX = re.compile(r"^Error parsing \w+: ")
INDENT: Any = {"initial_indent": "  ", "subsequent_indent": "  "}
POSITIONAL = get_args(tyro.conf.Positional[str])[1]
"""Marks a field that is given without a flag: `run: tyro.conf.Positional[str]`."""
Switch = Annotated[bool | None, tyro.conf.DisallowNone]
"""A field for --this, --no-this, or None where neither is given."""


class Command(Struct, frozen=True):
    """A config type and the function that obeys it."""

    config: type[Struct]
    obey: Callable[[Any], None]


def short(letter: str) -> Any:
    """Give a field a short flag too: `path: Annotated[str, short("p")]` reads --path and -p."""
    return tyro.conf.arg(aliases=(f"-{letter}",))


def run_one(program: str, command: Command, arguments: Sequence[str] | None = None) -> None:
    """Parse, call, and end the process: 0, 2 for a user's error, 130 for Ctrl-C."""
    arguments = sys.argv[1:] if arguments is None else arguments
    sys.exit(_guarded(lambda: command.obey(parse(program, command.config, arguments))))


def run_many(
    program: str, commands: Mapping[str, Command], arguments: Sequence[str] | None = None
) -> None:
    """The same for a program whose first word names the command."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if not arguments or arguments[0] in ("-h", "--help"):
        printed = _guarded(lambda: print(_overview(program, commands), flush=True))
        sys.exit(printed or (0 if arguments else 2))
    word, rest = arguments[0], arguments[1:]
    if word not in commands:
        hint = did_you_mean(word, list(commands))
        print(f"error: no command {word!r}{hint}; one of: {', '.join(commands)}", file=sys.stderr)
        sys.exit(2)
    run_one(f"{program} {word}", commands[word], rest)


def parse(program: str, config: type[Config], arguments: Sequence[str]) -> Config:
    """Read flags into `config`; ValueError with one line for a wrong or missing flag."""
    arguments, default = _take_from(list(arguments), config)
    if {"-h", "--help"} & set(arguments):
        _print_help(program, config, default)
    _check_flags(program, config, arguments, complete=default is not None)
    extra: dict[str, Any] = {} if default is None else {"default": default}
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            return tyro.cli(config, prog=program, args=arguments, **extra)
    except SystemExit:
        pass
    raise ValueError(f"{_first_lines(complaint.getvalue())}; see `{program} --help`")


def flags_of(config: Struct) -> list[str]:
    """The words that `parse` reads this config from again; what has its default is left out."""
    words: list[str] = []
    for field in fields(config):
        value = getattr(config, field.name)
        if value == _default_of(field):
            continue
        flag = field.name.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{flag}" if value else f"--no-{flag}")
        elif isinstance(value, tuple):
            words += [f"--{flag}", *map(str, value)]
        elif str(value).startswith("-"):
            words.append(f"--{flag}={value}")
        else:
            words += [f"--{flag}", str(value)]
    return words


def _default_of(field: FieldInfo) -> Any:
    """What it is where nothing is given; NODEFAULT where something must be."""
    return field.default if field.default_factory is NODEFAULT else field.default_factory()


def _print_help(program: str, config: type[Struct], default: Struct | None) -> NoReturn:
    """Print the page of flags and end the process with 0."""
    paragraphs = inspect.cleandoc(config.__doc__ or "").split("\n\n")
    width = shutil.get_terminal_size().columns
    tyro.cli(
        _with_helptexts(config, default),
        prog=program,
        args=["--help"],
        # tyro joins lines that are not indented, and puts two empty lines for one
        description="\n".join(textwrap.fill(each, width, **INDENT) for each in paragraphs),
        config=(tyro.conf.DisallowNone,),  # a shorter page
    )
    raise AssertionError("tyro prints --help and ends the process")


def _with_helptexts(config: type[Struct], default: Struct | None) -> type[Struct]:
    """The same flags and defaults, each with its docstring as one paragraph.

    tyro keeps the ends of lines that stand indented, as those of a field's docstring do.
    """
    documented = [kind for kind in config.__mro__ if issubclass(kind, Struct) and kind != Struct]
    texts = {
        each.arg_name: " ".join((each.description or "").split())
        for kind in reversed(documented)
        for each in docstring_parser.parse_from_object(kind).params
    }
    described: list[Any] = []
    for each in fields(config):
        kind = Annotated[each.type, tyro.conf.arg(help=texts.get(each.name))]
        given = _default_of(each) if default is None else getattr(default, each.name)
        described.append((each.name, kind) if given is NODEFAULT else (each.name, kind, given))
    return defstruct(config.__name__, described, kw_only=True)


def _take_from(arguments: list[str], config: type[Config]) -> tuple[list[str], Config | None]:
    if "--from" not in arguments:
        return arguments, None
    at = arguments.index("--from")
    if at + 1 == len(arguments):
        raise ValueError("--from needs a file: the config.json of an earlier run")
    return arguments[:at] + arguments[at + 2 :], read_json(arguments[at + 1], config)


def _check_flags(
    program: str, config: type[Struct], arguments: Sequence[str], complete: bool
) -> None:
    """ValueError for a flag that does not exist, or for one that must be given and is not."""
    flags = {
        f"--{field.name.replace('_', '-')}": field
        for field in fields(config)
        if POSITIONAL not in get_args(field.type)
    }
    types = {flag: _unwrapped(field.type) for flag, field in flags.items()}
    long_of = {letter: flag for flag, (_, letters) in types.items() for letter in letters}
    known = {*flags, *(f"--no-{flag[2:]}" for flag, (kind, _) in types.items() if kind in SWITCHES)}
    words = {match[0] for word in arguments if (match := FLAG.match(word))}
    for word in sorted(words - known - set(long_of)):
        hint = did_you_mean(word, sorted(known))
        raise ValueError(f"no flag {word}{hint}; see `{program} --help`")
    given = {long_of.get(word, word) for word in words}
    needed = [flag for flag, field in flags.items() if _default_of(field) is NODEFAULT]
    missing = [flag for flag in needed if flag not in given]
    if missing and not complete:
        raise ValueError(f"needs {', '.join(missing)}; see `{program} --help`")


def _unwrapped(annotation: Any) -> tuple[Any, tuple[str, ...]]:
    """The type of a field, and the short flags that `short` gave it."""
    if get_origin(annotation) is not Annotated:
        return annotation, ()
    kind, *notes = get_args(annotation)
    return kind, tuple(letter for note in notes for letter in getattr(note, "aliases", None) or ())


def _first_lines(complaint: str) -> str:
    """What tyro says in a box, as one line without the box and its footer."""
    kept: list[str] = []
    for line in complaint.splitlines()[1:]:
        if "For full helptext" in line or "Argument helptext" in line:
            break
        text = BOX.sub(" ", line).strip()
        if text:
            kept.append(text)
    said = " ".join(" ".join(kept).split()) or complaint.strip()
    return PREFIX.sub("", said)


def _overview(program: str, commands: Mapping[str, Command]) -> str:
    lines = [f"usage: {program} COMMAND [flags]   ({program} COMMAND --help lists the flags)", ""]
    for word, command in commands.items():
        summary = (command.config.__doc__ or "").strip().splitlines()[0]
        lines.append(f"  {word:<12} {summary}")
    return "\n".join(lines)


def _guarded(act: Callable[[], None]) -> int:
    print_notices()
    try:
        act()
    except (ValueError, LookupError, OSError) as error:
        if isinstance(error, BrokenPipeError) and _nobody_reads():
            return 128 + signal.SIGPIPE
        message = error.args[0] if isinstance(error, LookupError) and error.args else error
        print(f"error: {message}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nstopped; the same command continues from here", file=sys.stderr)
        return 130
    return 0


def _nobody_reads() -> bool:
    """Whether standard output was closed by its reader, as by `| head`; it takes no more then."""
    watch = select.poll()
    watch.register(sys.stdout.fileno(), select.POLLERR)
    if not watch.poll(0):
        return False
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return True
