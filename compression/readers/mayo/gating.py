"""Mayo's gated convolutions: channels that each image chooses."""

from collections.abc import Sequence
from typing import Any, Literal

from msgspec import Struct
from torch import nn

from compression.readers.arguments import typed
from compression.readers.mayo.layers import Layers
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
    factor: float = 0.0
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


def gate_steps(gates: Sequence[Gate], layers: Layers, notes: Notes) -> list[GateStep]:
    """A step per gated convolution. ValueError with FILE:LINE for one that cannot have gates."""
    found: list[GateStep] = []
    for gate in gates:
        built = layers.built(gate.layer, gate.place)
        params = typed(Params, gate.args, gate.place, f"{GATES} of {gate.layer}")
        what = f"gates of {gate.layer}"
        if not built:
            notes.say(gate.place, what, "translated", "it leads nowhere in this network, as there")
            continue
        step, (verdict, words) = _step(gate, params, layers)
        notes.say(gate.place, what, verdict, words)
        if step is not None:
            found.append(step)
    return found


def _step(gate: Gate, params: Params, layers: Layers) -> tuple[GateStep | None, Said]:
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
    differs = params.differs()
    words = "; ".join([f"gate with a density of {params.density:g}", *differs])
    return params.step(own[0]), ("differs" if differs else "translated", words)
