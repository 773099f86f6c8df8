"""Overriders of Mayo's over the layers of a network, as steps of a recipe."""

from collections.abc import Collection, Sequence

from msgspec.structs import replace
from torch import nn

from compression.low_rank import Share
from compression.overriders import AnyOverrider, Incremental, Of
from compression.overriders.kinds import looks
from compression.readers.mayo.classes import made_of
from compression.readers.mayo.gating import Gates, beside
from compression.readers.mayo.layers import FLOWS, Layers
from compression.readers.mayo.made import AnyMade, Filters, Made, Ranks, Slim
from compression.readers.mayo.narrower import REPLACED, full_rank
from compression.readers.mayo.notes import Notes
from compression.readers.mayo.pins import Given, Pin
from compression.readers.mayo.slimming import Slimming
from compression.schedule import When
from compression.selectors import Where
from compression.steps import AnyStep, LowRankStep, OverrideStep, StructuresStep
from proxyless_nas.language.values import refuse

ONCE = When(times=(0,))
EARLY = "chosen once, before the first step"
FROZEN = "there should_update: false keeps what a checkpoint says"
Chain = tuple[Of, tuple[AnyOverrider, ...], When]


class Chains:
    """What stands over each tensor, gathered into as few steps as say it."""

    def __init__(
        self, layers: Layers, notes: Notes, learnt: int, gates: Gates, narrower: Collection[str]
    ) -> None:
        """They stand behind the steps of `gates`, and not over layers that become `narrower`."""
        self._layers, self._notes, self._learnt = layers, notes, learnt
        self._gates, self._narrower = gates, narrower
        self._chains: dict[Chain, list[str]] = {}
        self._filters: dict[tuple[float, When], list[str]] = {}
        self._ranks: dict[float, list[str]] = {}
        self._slimming = Slimming(layers, notes, gates)

    def steps(self, pins: Sequence[Pin]) -> tuple[AnyStep, ...]:
        """All steps, and those of the gates. ValueError with FILE:LINE for what is wrong."""
        for pin in pins:
            self._over(pin)
        return (
            *(
                LowRankStep(rank=Share(share=share), where=_where(names))
                for share, names in self._ranks.items()
            ),
            *self._gates.steps,
            *(
                StructuresStep(
                    method={"by": "l1", "share": share},
                    over="kernels",
                    where=_where(names),
                    when=when,
                )
                for (share, when), names in self._filters.items()
            ),
            *(
                OverrideStep(of=of, chain=chain, where=_where(names), when=when)
                for (of, chain, when), names in self._chains.items()
            ),
            *self._slimming.steps(alone=not self._chains and not self._gates.steps),
        )

    def _over(self, pin: Pin) -> None:
        ordered = _ordered(pin)
        target = self._layers.of(pin.layer, pin.key, pin.place)
        chain: list[tuple[Given, Made]] = []
        for number, given in enumerate(ordered):
            made = made_of(given)
            if given.args.get("enable") is False:
                self._say(pin, given, Made(None), "enable: false: left out")
            elif target is None:
                self._say(pin, given, Made(None), "no such tensor: it does nothing, as there")
            elif made.kind is None:
                self._say(pin, given, made)
            elif isinstance(made.kind, Slim):
                self._slimming.add(pin, given, made.kind, made.differs)
            elif isinstance(made.kind, Ranks):
                self._say(pin, given, self._narrowed(target, made, made.kind))
            elif target[1] in self._narrower and target[0] not in FLOWS.values():
                self._say(pin, given, Made(None, why=REPLACED))
            elif isinstance(made.kind, Filters):
                self._say(pin, given, self._filtered(target, pin, given, made, made.kind, number))
            elif (why := _unfit(made.kind, target[0], [one for _, one in chain])) is not None:
                self._say(pin, given, Made(None, why=why))
            elif self._gates.each and target[0] in FLOWS.values():
                what = f"{given.told}: {pin.key} of {pin.layer} cannot be overridden"
                refuse(given.place, (), f"{what} {beside(self._gates.each[0])}")
            else:
                chain.append((given, made))
        if chain and target is not None:
            self._chain(pin, *target, chain)

    def _chain(self, pin: Pin, of: Of, name: str, chain: list[tuple[Given, Made]]) -> None:
        """Let a chain stand over a tensor, and tell of each of its members."""
        kinds = tuple(made.kind for _, made in chain if isinstance(made.kind, AnyOverrider))
        looking = [given for given, made in chain if _looks(made.kind)]
        updated = [given for given in looking if given.args.get("should_update", True)]
        when = ONCE if looking and not updated else When()
        unsaid = len(chain) > 1 and all(given.priority is None for given, _ in chain)
        for given, made in chain:
            if self._learnt and isinstance(made.kind, Incremental):
                refuse(given.place, (), f"{given.told} cannot be entered half way, with --learnt")
            told, differs = made.told, made.differs
            if given in looking and given not in updated:
                moment = EARLY if when == ONCE else "chosen anew with others of its chain"
                differs = (*differs, f"{moment}; {FROZEN}")
            elif given in looking and not isinstance(made.kind, Incremental):
                told = (*told, "chosen anew at the start of every epoch")
            if unsaid:
                told = (*told, "without _priority the last one said comes first, as there")
            self._say(pin, given, replace(made, told=told, differs=differs), of=of)
        self._chains.setdefault((of, kinds, when), []).append(self._gates.behind(name))

    def _filtered(
        self, target: tuple[Of, str], pin: Pin, given: Given, made: Made, kind: Filters, number: int
    ) -> Made:
        """Kernels that go, where there are some; `number` others stand before it in its chain."""
        of, name = target
        found = self._layers.computing(pin.layer, pin.place)
        if of != "weight" or found is None or not isinstance(found[1], nn.Conv2d):
            return Made(None, why="only weights of convolutions have kernels")
        differs = [*made.differs, *(["it comes first in its chain"] if number else [])]
        when = When()
        if not given.args.get("should_update", True):
            when = ONCE
            differs.append(f"{EARLY}; {FROZEN}")
        self._filters.setdefault((kind.share, when), []).append(self._gates.behind(name))
        return replace(made, differs=tuple(differs))

    def _narrowed(self, target: tuple[Of, str], made: Made, kind: Ranks) -> Made:
        of, name = target
        weight = self._layers.weight(name)
        if of != "weight" or weight is None:
            return Made(None, why="only weights have a rank")
        full = full_rank(weight)
        if kind.gone >= full:
            return Made(None, why=f"all of the {full} singular values would go")
        self._ranks.setdefault((full - kind.gone) / full, []).append(name)
        told = (f"{full - kind.gone} of {full} singular values stay",)
        return replace(made, told=(*made.told, *told))

    def _say(self, pin: Pin, given: Given, made: Made, left_out: str = "", of: str = "") -> None:
        verdict = "translated" if left_out else made.verdict
        words = left_out or made.words
        what = pin.key if not of else f"override of {of}"
        self._notes.say(given.place, given.told, verdict, f"{what}: {words}", pin.layer)


def _ordered(pin: Pin) -> list[Given]:
    """The one of the highest priority first, and of equal ones the last that is said."""
    kinds = [one.kind for one in pin.each]
    for number, one in enumerate(pin.each):
        if one.kind in kinds[:number]:
            refuse(one.place, (), f"two overriders of {pin.key} of {pin.layer} are {one.kind}")
    return sorted(pin.each, key=lambda one: one.priority or 0)[::-1]


def _unfit(kind: AnyOverrider, of: Of, before: Sequence[Made]) -> str | None:
    """Why a kind cannot stand there behind others, if so."""
    kinds = [made.kind for made in before if isinstance(made.kind, AnyOverrider)]
    try:
        OverrideStep(of=of, chain=(*kinds, kind))
    except ValueError as error:
        return str(error)
    return None


def _looks(kind: AnyMade | None) -> bool:
    return isinstance(kind, AnyOverrider) and looks(kind)


def _where(names: Sequence[str]) -> Where:
    return Where(name=names[0] if len(names) == 1 else tuple(names))
