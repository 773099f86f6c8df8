"""Mayo's quantizers that are grids, which other classes can have inside."""

from typing import Literal

from compression.overriders import AnyGrid, Fixed, Float, Shift
from compression.overriders.log import Log
from compression.readers.mayo.made import Common, Kind, Made, built
from compression.readers.mayo.pins import Given, given_of
from proxyless_nas.files import did_you_mean
from proxyless_nas.language.values import refuse

Stochastic = Literal["naive", "ulp"] | bool | None
CHANCE = "it rounds by chance while the network learns, and to the nearest behind that"
SATURATES = "what is too large is the largest number, there it became a smaller one"
ALIAS = "`bias` is read as `exponent_bias`"
SAME = "`exponent_bias` is read as `bias`"


class _Fixed(Common, frozen=True, kw_only=True):
    width: int | None = None
    point: int | None = None
    stochastic: Stochastic = None


class _Dynamic(Common, frozen=True, kw_only=True):
    width: int
    overflow_rate: float
    stochastic: Stochastic = None


class _Trainable(Common, frozen=True, kw_only=True):
    overflow_rate: float


class _Log(Common, frozen=True, kw_only=True):
    width: int
    point: int | None = None
    overflow_rate: float | None = None
    stochastic: Stochastic = None


class _Shift(Common, frozen=True, kw_only=True):
    width: int
    overflow_rate: float | None = None
    bias: int | None = None
    exponent_bias: int | None = None
    stochastic: Stochastic = None


class _Float(_Shift, frozen=True, kw_only=True):
    mantissa_width: int


def _fixed(args: _Fixed, given: Given) -> Made:
    width = 32 if args.width is None else args.width
    point = 2 if args.point is None else args.point
    differs = (CHANCE,) if args.stochastic else ()
    return built(Fixed, *differs, width=width, point=point, stochastic=bool(args.stochastic))


def _dynamic(args: _Dynamic, given: Given) -> Made:
    differs = (CHANCE,) if args.stochastic else ()
    return built(
        Fixed, *differs, width=args.width, overflow=args.overflow_rate,
        stochastic=bool(args.stochastic),
    )  # fmt: skip


def _courbariaux(args: _Dynamic, given: Given) -> Made:
    return built(
        Fixed, "the point moves towards where few enough overflow, there it moved away from it",
        *((CHANCE,) if args.stochastic else ()), width=args.width, overflow=args.overflow_rate,
        rule="courbariaux", stochastic=bool(args.stochastic),
    )  # fmt: skip


def _trainable(args: _Trainable, given: Given) -> Made:
    words = "its 16 bits stay; there they were to be learnt, and no slope came to them"
    return built(Fixed, words, width=16, overflow=args.overflow_rate)


def _log(args: _Log, given: Given) -> Made:
    if args.point is None:
        return Made(None, why="the point of a logarithm is said here, not chosen: give `point`")
    differs = ("the class could not run there", *_to_the_nearest(args.stochastic))
    return built(Log, *differs, width=args.width, point=args.point)


def _bias(args: _Shift, given: Given, own: str) -> tuple[dict[str, int | float], list[str]]:
    """The bias or the share to choose it by, and what there is to say; `own` is its name there."""
    other = "bias" if own == "exponent_bias" else "exponent_bias"
    words: list[str] = []
    if args.bias is not None and args.exponent_bias is not None:
        refuse(given.args.places[other], (), f"{given.told}: `bias` is `exponent_bias`: say one")
    value = args.exponent_bias if args.bias is None else args.bias
    if other in given.args:
        words.append(ALIAS if other == "bias" else SAME)
    if value is None and args.overflow_rate is None:
        refuse(given.place, (), f"{given.told} needs {own}, or overflow_rate")
    if args.overflow_rate is not None and (args.should_update or value is None):
        if value is not None:
            words.append(f"by overflow_rate the bias is chosen anew: {value} is not needed")
        return {"overflow": args.overflow_rate}, words
    assert value is not None
    if args.should_update:
        words.append("the bias stays; for one that is chosen anew say overflow_rate")
    return {"bias": value}, words


def _float(args: _Float, given: Given) -> Made:
    return _saturating(Float, args, given, "exponent_bias", mantissa=args.mantissa_width)


def _shift(args: _Shift, given: Given) -> Made:
    return _saturating(Shift, args, given, "bias")


def _saturating(
    kind: type[Float] | type[Shift], args: _Shift, given: Given, own: str, **more: int
) -> Made:
    bias, words = _bias(args, given, own)
    differs = (SATURATES, *_to_the_nearest(args.stochastic))
    return built(kind, *differs, told=tuple(words), width=args.width, **more, **bias)


def _to_the_nearest(stochastic: Stochastic) -> list[str]:
    return ["it rounds to the nearest, not by chance"] if stochastic else []


GRIDS: dict[str, Kind] = {
    "FixedPointQuantizer": Kind(_Fixed, _fixed),
    "DGQuantizer": Kind(_Dynamic, _dynamic),
    "CourbariauxQuantizer": Kind(_Dynamic, _courbariaux),
    "DGTrainableQuantizer": Kind(_Trainable, _trainable),
    "LogQuantizer": Kind(_Log, _log),
    "FloatingPointQuantizer": Kind(_Float, _float),
    "FPQuantizer": Kind(_Float, _float),
    "ShiftQuantizer": Kind(_Shift, _shift),
}


def inner(given: Given, key: str, value: object) -> Made:
    """The grid that an argument holds. ValueError with FILE:LINE for what is none."""
    found = given_of(given.name, value, given.args.places[key], (key,))
    if found.kind not in GRIDS:
        hint = did_you_mean(found.kind, list(GRIDS))
        refuse(found.place, (), f"{given.told}: {key} is a grid, not {found.kind}{hint}")
    return GRIDS[found.kind].made(found)


def grid_of(made: Made) -> AnyGrid:
    """The grid of what `inner` made."""
    assert isinstance(made.kind, AnyGrid)
    return made.kind
