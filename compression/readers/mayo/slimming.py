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
        keep: dict[str, tuple[Group, int]] = {}
        for pin, given, kind, differs in self._found:
            words = [f"penalty l1 of {kind.strength:g} on its scales"]
            verdict = "differs" if differs else "translated"
            pressed.setdefault(kind.strength, []).append(str(self._layers.scale(pin.layer)))
            if kind.density < 1:
                why = None if alone else LATER
                if why is None:
                    why = self._keep(pin, kind, keep)
                words += [*differs] if why is None else [why]
            self._notes.say(given.place, given.told, verdict, "; ".join(words), pin.layer)
        found: list[AnyStep] = [
            PenaltyStep(kind=L1(), strength=strength, where=Where(name=tuple(names)))
            for strength, names in pressed.items()
            if strength
        ]
        if keep:
            makers = tuple(maker for group, _ in keep.values() for maker in group.makers)
            found.append(
                ChannelsStep(
                    keep={group.makers[0]: count for group, count in keep.values()},
                    score=BatchNormScale(), where=Where(name=makers), when=When(times=(1,)),
                )
            )  # fmt: skip
        return found

    def _keep(self, pin: Pin, kind: Slim, keep: dict[str, tuple[Group, int]]) -> str | None:
        """Say how many channels of its group stay, by group; or why none of them can leave."""
        computing = self._layers.computing(pin.layer, pin.place)
        assert computing is not None
        layer = computing[0]
        try:
            group = self._layers.channels()[layer]
        except LookupError as error:
            return f"none of its channels leaves: {error.args[0]}"
        kept = ceil(group.width * kind.density - ROUNDING)
        keep[group.name] = (group, max(kept, keep.get(group.name, (group, 0))[1]))
        return None
