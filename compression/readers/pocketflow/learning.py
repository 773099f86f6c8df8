"""What a learner's reader is asked with, what it answers, and words that several of them have."""

from msgspec import Struct
from torch import nn

from compression.quantizers.place import quantizable
from compression.readers.pocketflow.nets import Length
from compression.readers.pocketflow.parsing import Command
from compression.readers.reading import Said
from compression.steps import AnyStep
from proxyless_nas.subject import Subject

OF_AGENT: Said = ("cannot be", "of an agent, and nothing is searched by one here")
NO_AGENT: Said = ("translated", "no agent is asked for: it does nothing there either")
CHECKPOINT: Said = ("cannot be", "checkpoints of TensorFlow are not opened: --weights FILE")


class Asked(Struct, frozen=True):
    """A command, how long it trains, and the network here."""

    command: Command
    length: Length
    subject: Subject

    def layers(self) -> list[tuple[str, nn.Module]]:
        """Convolutions and linear maps, in the order of the network."""
        network = self.subject.build(seed=0)
        names = quantizable(network, self.subject.input)
        return [(name, network.get_submodule(name)) for name in names]

    def auto(self, goal: str, methods: str, more: str = "") -> str:
        """The command that searches for what an agent searches there; it may need `more` flags."""
        arch = self.subject.source
        flags = f'--weights FILE --goal "{goal}" --methods {methods}{more} --out DIR'
        return f"python -m compression auto --arch {arch} {flags}"


class Made(Struct, frozen=True, kw_only=True):
    """Steps, what is to be said of the learner, and of each of its flags."""

    learner: Said
    steps: tuple[AnyStep, ...] = ()
    said: dict[str, Said] = {}
