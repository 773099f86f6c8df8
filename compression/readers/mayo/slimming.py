"""Mayo's NetworkSlimmer: scales of batch norms that are pressed, channels that leave."""

from math import ceil

from compression.channels.groups import Group
from compression.importance import BatchNormScale
from compression.masks.methods import ROUNDING
from compression.penalties import L1
from compression.readers.mayo.gating import Gates, beside
from compression.readers.mayo.layers import Layers
from compression.readers.mayo.made import Slim
from compression.readers.mayo.notes import Notes
from compression.readers.mayo.pins import Given, Pin
from compression.schedule import When
from compression.selectors import Where
from compression.steps import AnyStep, ChannelsStep, PenaltyStep
from proxyless_nas.language.values import refuse

LATER = (
    "channels leave in a training of their own, before numbers are overridden and gates stand: "
    "only the penalty"
)
APART = "its share of each layer stays, there of all together: the densities are not one"
ONCE = When(times=(1,))


class Slimming:
    """All layers that are slimmed."""

    def __init__(self, layers: Layers, notes: Notes, gates: Gates) -> None:
        self._layers, self._notes, self._gates = layers, notes, gates
        self._found: list[tuple[Pin, Given, Slim, tuple[str, ...]]] = []

    def add(self, pin: Pin, given: Given, kind: Slim, differs: tuple[str, ...]) -> None:
        """One more. ValueError with FILE:LINE where its layer has no scale that learns."""
        scale = self._layers.scale(pin.layer)
        if scale is None:
            refuse(
                given.place, (), f"{pin.layer} has no batch norm that learns a scale "
                "(normalizer_params: {scale: true})"
            )  # fmt: skip
        if scale in self._gates.scales:
            gate = self._gates.scales[scale]
            what = f"{given.told}: {pin.layer} has no scales"
            refuse(given.place, (), f"{what} {beside(gate)}")
        self._found.append((pin, given, kind, differs))

    def steps(self, alone: bool) -> list[AnyStep]:
        """Penalties, and with nothing beside them the channels that leave."""
        pressed: dict[float, list[str]] = {}
        leaving: list[tuple[Group, Slim]] = []
        for pin, given, kind, differs in self._found:
            words = [f"penalty l1 of {kind.strength:g} on its scales"]
            verdict = "differs" if differs else "translated"
            pressed.setdefault(kind.strength, []).append(str(self._layers.scale(pin.layer)))
            if kind.density < 1:
                group = self._group(pin) if alone else LATER
                if isinstance(group, str):
                    words.append(group)
                else:
                    leaving.append((group, kind))
                    words += differs
                    if kind.together and self._together() is None:
                        words.append(APART)
            self._notes.say(given.place, given.told, verdict, "; ".join(words), pin.layer)
        found: list[AnyStep] = [
            PenaltyStep(kind=L1(), strength=strength, where=Where(name=tuple(names)))
            for strength, names in pressed.items()
            if strength
        ]
        return [*found, self._fewer(leaving)] if leaving else found

    def _group(self, pin: Pin) -> Group | str:
        """The channels of a layer that leave together; or why none of them can."""
        computing = self._layers.computing(pin.layer, pin.place)
        assert computing is not None
        try:
            return self._layers.channels()[computing[0]]
        except LookupError as error:
            return f"none of its channels leaves: {error.args[0]}"

    def _together(self) -> float | None:
        """The density of all layers together, where they have one threshold and one density."""
        asked = {(kind.together, kind.density) for _, _, kind, _ in self._found if kind.density < 1}
        ((together, density),) = asked if len(asked) == 1 else ((False, 1.0),)
        return density if together else None

    def _fewer(self, leaving: list[tuple[Group, Slim]]) -> ChannelsStep:
        """Of all channels together, or of each group, the density stays.

        Where so few stay that some group would have none, each has its own few.
        """
        groups = {group.name: group for group, _ in leaving}
        where = Where(name=tuple(maker for one in groups.values() for maker in one.makers))
        together, width = self._together(), sum(one.width for one in groups.values())
        if together is not None and ceil(width * together - ROUNDING) >= len(groups):
            return ChannelsStep(
                density=together, rank="lowest-first", score=BatchNormScale(across=True),
                where=where, when=ONCE,
            )  # fmt: skip
        keep: dict[str, int] = {}
        for group, kind in leaving:
            kept = ceil(group.width * kind.density - ROUNDING)
            keep[group.makers[0]] = max(kept, keep.get(group.makers[0], 0))
        return ChannelsStep(keep=keep, score=BatchNormScale(), where=where, when=ONCE)
