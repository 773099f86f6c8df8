"""Files of a quantized network: quantized.json says what it is, a program runs without our code."""

from pathlib import Path

from msgspec import Struct
from torch import nn

from compression.describe import Shapes, narrowed, shapes_of
from compression.program import PROGRAM, write_program
from compression.quantizers.asking import policy_of
from compression.quantizers.fold import folded
from compression.quantizers.place import Quantization, quantization_of, with_rounded_weights
from proxyless_nas.counting import layers_of
from proxyless_nas.files import read_json, write_json
from proxyless_nas.subject import Subject
from proxyless_nas.weights import load_exactly

QUANTIZED, BITS = "quantized.json", "bits.json"


class QuantizedFile(Struct, frozen=True, forbid_unknown_fields=True):
    """The network, and how its layers are quantized; weights.pt beside it holds all tensors."""

    network: Subject
    folded: bool
    """Whether batch norms are part of the layers before them."""
    quantized: Quantization

    def build(self) -> nn.Module:
        """With fresh weights."""
        network = self.network.build(seed=0)
        if self.folded:
            network = folded(network, self.network.input)
        self.quantized.put_into(network)
        return network

    def has(self, shapes: Shapes) -> bool:
        """Whether it says how to build a network whose tensors have these shapes."""
        try:
            return shapes_of(self.build()) == shapes
        except ValueError:
            return False


def write_quantized(network: nn.Module, subject: Subject, folder: Path) -> str:
    """Write quantized.json, bits.json and network.pt2; a sentence.

    The program alone where other steps have made another network of the `subject`'s.
    """
    write_program(with_rounded_weights(network), subject.input, folder / PROGRAM)
    told = f"{folder / PROGRAM} is the quantized network, for torch.export.load"
    shapes, quantized = shapes_of(network), quantization_of(network)
    left = narrowed(subject, shapes)
    either = [QuantizedFile(left, folded, quantized) for folded in (False, True)]
    described = next((one for one in either if one.has(shapes)), None)
    if described is None:
        return f"{told}; no description fits what is left of {subject.name}"
    layers = layers_of(network, subject.input)
    policy_of(described.quantized.layers, layers, subject.name).save(folder / BITS)
    write_json(folder / QUANTIZED, described)
    return f"{told}; {folder / QUANTIZED} says how"


def open_quantized(file: Path, weights: Path | None = None) -> tuple[nn.Module, Subject]:
    """The network of a quantized.json with its tensors, in eval mode.

    They are those in `weights`, or in the weights.pt beside the file. FileNotFoundError where one
    is missing; ValueError where the weights are another's.
    """
    described = read_json(file, QuantizedFile)
    network = described.build()
    load_exactly(network, weights or file.parent / "weights.pt", str(file))
    return network.eval(), described.network
