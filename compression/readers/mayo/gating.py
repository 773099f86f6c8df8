"""Mayo's gated convolutions: channels that each image chooses."""

from collections.abc import Collection, Sequence
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct
from torch import nn

from compression.readers.arguments import typed
from compression.readers.mayo.layers import Layers
from compression.readers.mayo.narrower import REPLACED
from compression.readers.mayo.notes import Notes
from compression.readers.mayo.pins import GATES, Gate
from compression.readers.reading import Said
from compression.selectors import Where
from compression.steps import GateStep


class Params(Struct, frozen=True, kw_only=True):
    """What `gate_params` may say."""

    enable: bool = True
    policy: Literal["naive", "parametric", "squeeze"] = "parametric"
    density: float = 1.0
    pool: Literal["avg", "max", "l1", "l2"] = "avg"
    granularity: Literal["channel", "vector"] = "channel"
    regularizer: Any = None
    factor: Annotated[float, Meta(ge=0)] = 0.0
    threshold: Literal["online", "local", "global"] = "online"
    decay: float = 0.9997
    trainable: bool = True

    def __post_init__(self) -> None:
        if not 0 < self.density <= 1:
            raise ValueError(f"a density lies above 0 and up to 1, not {self.density:g}")

    def refused(self) -> str | None:
        """Why there is no step for it, if there is none."""
        if self.policy != "parametric":
            return f"of the policies only `parametric` is known here, not {self.policy}"
        if self.granularity != "channel":
            return "whole channels are chosen here, no places of a map"
        return None

    def differs(self) -> list[str]:
        """What is otherwise here."""
        words: list[str] = []
        if self.threshold != "online":
            words.append("the best channels of each image; there a threshold that is averaged")
        if self.regularizer not in (None, {}, "l1", ["l1"]):
            words.append("no penalty; here there is one on the sum of all saliencies (l1) alone")
        if not self.trainable:
            words.append("the saliencies learn, there they did not")
        return words

    def step(self, layer: str) -> GateStep:
        """Gates at one convolution, which begin as in the paper."""
        pressed = self.regularizer in ("l1", ["l1"])
        return GateStep(
            density=self.density,
            where=Where(name=layer),
            pool=self.pool,
            bias="one",
            factor=self.factor if pressed else 0.0,
        )


class Gates(Struct, frozen=True):
    """A step per gated convolution, and what is told of these layers behind the steps."""

    steps: tuple[GateStep, ...] = ()
    each: tuple[Gate, ...] = ()
    convolutions: frozenset[str] = frozenset()
    scales: dict[str, Gate] = {}
    """By the name of a batch norm, the gates that stand in the place of its scales."""

    def behind(self, name: str) -> str:
        """What steps behind the gates call a layer: what is gated is a part of its gates."""
        return f"{name}.conv" if name in self.convolutions else name


def beside(gate: Gate) -> str:
    """The gates that something else cannot stand beside, and the way out."""
    told = f"beside the gates of {gate.layer} ({gate.place})"
    return f"{told}: leave one of the two out, by `enable: false`"


def gates_of(
    gates: Sequence[Gate], layers: Layers, notes: Notes, narrower: Collection[str]
) -> Gates:
    """All of a configuration; layers that become `narrower` ones have none.

    ValueError with FILE:LINE for a layer that cannot have gates.
    """
    found = Gates()
    for gate in gates:
        built = layers.built(gate.layer, gate.place)
        params = typed(Params, gate.args, gate.place, f"{GATES} of {gate.layer}")
        what = f"gates of {gate.layer}"
        if not built:
            notes.say(gate.place, what, "translated", "it leads nowhere in this network, as there")
            continue
        name, (verdict, words) = _convolution(gate, params, layers, narrower)
        notes.say(gate.place, what, verdict, words)
        if name is not None:
            scale = layers.scale(gate.layer)
            found = Gates(
                (*found.steps, params.step(name)),
                (*found.each, gate),
                found.convolutions | {name},
                found.scales | ({} if scale is None else {scale: gate}),
            )
    return found


def _convolution(
    gate: Gate, params: Params, layers: Layers, narrower: Collection[str]
) -> tuple[str | None, Said]:
    """The convolution that gets gates, if it does, and what is to be said of them."""
    if not params.enable:
        return None, ("translated", "they are not enabled")
    why = params.refused()
    if why is not None:
        return None, ("cannot be", why)
    own = layers.computing(gate.layer, gate.place)
    if own is None or not isinstance(own[1], nn.Conv2d):
        raise ValueError(f"{gate.place}: {gate.layer} is no convolution: it has no gates")
    if not layers.normed(gate.layer):
        raise ValueError(
            f"{gate.place}: {gate.layer} has no batch norm, and gates stand for scales"
        )
    if own[0] in narrower:
        return None, ("cannot be", REPLACED)
    differs = params.differs()
    words = "; ".join([f"gate with a density of {params.density:g}", *differs])
    return own[0], ("differs" if differs else "translated", words)
