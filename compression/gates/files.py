"""Files of a network with gates: gates.json says where they stand, network.pt2 runs anywhere."""

from pathlib import Path

from msgspec import Struct
from torch import nn

from compression.describe import narrowed, shapes_of
from compression.gates.place import Gates
from compression.gates.work import expected_work
from compression.program import PROGRAM, write_program
from proxyless_nas.files import read_json, write_json
from proxyless_nas.subject import Subject
from proxyless_nas.weights import load_exactly

GATES_FILE = "gates.json"


class GatesFile(Struct, frozen=True, forbid_unknown_fields=True):
    """The network and where its gates are; weights.pt beside it holds all else, densities too."""

    network: Subject
    gates: Gates

    def build(self) -> nn.Module:
        """With fresh weights."""
        network = self.network.build(seed=0)
        self.gates.put_into(network)
        return network

    def fits(self, network: nn.Module) -> bool:
        """Whether it builds what takes the weights of `network`."""
        try:
            return shapes_of(self.build()) == shapes_of(network)
        except AttributeError:  # a gate stands at a layer that only other steps have made
            return False


def write_gates(network: nn.Module, subject: Subject, folder: Path) -> str:
    """Write gates.json and network.pt2, the network with its gates; a sentence.

    Without gates.json where other steps have made another network of the `subject`'s.
    """
    write_program(network, subject.input, folder / PROGRAM)
    work = expected_work(network, subject.input)
    told = (
        f"{len(work.layers)} layers choose their channels by image: "
        f"{work.macs / 1e6:,.2f} M of {work.without_gates / 1e6:,.2f} M multiply-accumulates by "
        f"their densities; {folder / PROGRAM} is the network with its gates, for torch.export.load"
    )
    described = GatesFile(narrowed(subject, shapes_of(network)), Gates.of(network))
    if not described.fits(network):
        return f"{told}; no description fits what is left of {subject.name}"
    write_json(folder / GATES_FILE, described)
    return f"{told}; next: python -m compression gates {folder}"


def open_gated(folder: Path) -> tuple[nn.Module, Subject]:
    """The network with gates that a training has left in a folder, in eval mode.

    It computes all channels and masks some; `compression.gates.place.let_skip` lets it skip them.
    FileNotFoundError where there is none; ValueError where its weights are another's.
    """
    if not (folder / GATES_FILE).exists():
        raise FileNotFoundError(
            f"no {GATES_FILE} in {folder}: train with --compress RECIPE, a recipe with `do: gate`"
        )
    described = read_json(folder / GATES_FILE, GatesFile)
    network = described.build()
    load_exactly(network, folder / "weights.pt", described.network.name)
    return network.eval(), described.network
