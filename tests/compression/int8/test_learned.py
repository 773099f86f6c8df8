"""An int8 file of a network that has learned to round: its steps are those that were learned."""

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from compression.export import onnx_bytes
from compression.int8.learned import in_float, with_learned
from compression.int8.make import int8_bytes, ranges_by
from compression.quantizers.activations import AnyActivations, LearnedActivations, PactActivations
from compression.quantizers.place import Asked, input_quantizers, quantize
from compression.quantizers.weights import LearnedWeights
from proxyless_nas.layer import Shape

SHAPE = Shape(3, 8, 8)


class Forked(nn.Module):
    """Two layers take what the first makes."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Conv2d(3, 6, 3, padding=1)
        self.left = nn.Conv2d(6, 6, 3, padding=1)
        self.right = nn.Conv2d(6, 6, 1)
        self.last = nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x).relu()
        return self.last((self.left(x) + self.right(x)).relu().mean(dim=(2, 3)))


def learned() -> tuple[nn.Module, Tensor]:
    """Rounded, with steps that have moved since they were calibrated."""
    network = Forked().eval()
    x = torch.randn(16, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    kinds: dict[str, AnyActivations] = {
        "first": LearnedActivations(), "left": LearnedActivations(), "right": PactActivations(),
        "last": LearnedActivations(),
    }  # fmt: skip
    asked = {
        name: Asked(weights=LearnedWeights(), activations=kind) for name, kind in kinds.items()
    }
    quantize(network, asked, [(x, torch.zeros(16))])
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name.startswith(("left.input", "last.input", "right.input")):
                parameter.mul_(0.5)
    return network, x


def test_weights_stay_as_they_are_rounded_and_inputs_are_no_longer() -> None:
    network, x = learned()
    plain, reaches = in_float(network)
    assert not input_quantizers(plain) and input_quantizers(network)
    for name in reaches:
        ours, theirs = (one.get_submodule(name).weight for one in (plain, network))
        assert torch.equal(ours, theirs)  # type: ignore[arg-type]
    low, high = reaches["first"]
    step = network.get_parameter("first.input_quantizer.step").detach()
    assert low < 0 < high and abs(high / float(step) - 127) < 1e-3
    with torch.no_grad():
        assert not torch.equal(plain(x), network(x))


def test_steps_in_the_file_are_the_learned_ones_and_of_two_the_larger() -> None:
    network, x = learned()
    plain, reaches = in_float(network)
    data = onnx_bytes(plain, SHAPE)
    ranges = with_learned(ranges_by(data, x, "min-max"), data, reaches)
    graph = onnx.load_from_string(int8_bytes(data, ranges, narrow=False)).graph
    constants = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    makers = {name: node for node in graph.node for name in node.output}
    steps: dict[str, float] = {}
    for node in graph.node:
        if node.op_type in ("Conv", "Gemm"):
            weight = makers[node.input[1]].input[0].removesuffix(".weight_quantized")
            steps[weight] = float(constants[makers[node.input[0]].input[1]])
    assert set(steps) == {"first", "left", "right", "last"}
    both = max(reaches["left"][1], reaches["right"][1])
    for name, high in (("left", both), ("right", both), ("last", reaches["last"][1])):
        np.testing.assert_allclose(steps[name], high / 255, rtol=1e-5)
    low, high = reaches["first"]
    np.testing.assert_allclose(steps["first"], (high - low) / 255, rtol=1e-2)
