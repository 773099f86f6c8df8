"""Laws of networks in YAML: their sizes, their graphs, their mistakes."""

import json
import re

import pytest
import torch

from proxyless_nas import macs_of, parameters_of
from proxyless_nas.described.edges import (
    EdgeError,
    GraphCyclicError,
    GraphIOError,
    UndefinedLayerError,
)
from proxyless_nas.described.network import describe
from proxyless_nas.language import Config
from proxyless_nas.subject import load_network, open_subject
from tests.commands.helpers import run_here, well
from tests.proxyless_nas.language.test_mutated import TINY

ZOO = {
    "lenet5": (431_080, 2_293_000),
    "lenet5_res": (179_898, 4_604_672),
    "cifarnet": (1_296_074, 174_301_824),
    "alexnet": (61_100_840, 714_188_480),
    "vgg16": (138_357_544, 15_470_264_320),
    "mobilenet": (4_233_001, 568_741_376),
    "mobilenet_v2": (3_506_153, 300_775_552),
    "resnet18": (11_689_512, 1_814_073_344),
    "resnet50": (25_557_032, 3_857_973_248),
    "squeezenet_v11": (1_235_496, 349_537_280),
    "inception_v3": (23_836_617, 5_713_218_144),
    "nasnet": (5_289_978, 563_638_816),
}


def built(text: str) -> torch.nn.Module:
    return describe(Config().with_text(text, "net.yaml")).build(0)


def small(graph: str, layers: str = "") -> str:
    return f"""
dataset.task: {{num_classes: 4, preprocess.shape: {{height: 6, width: 6, channels: 2}}}}
model:
  layers:
    a: {{type: convolution, kernel_size: 3, num_outputs: 4}}
    b: {{type: convolution, kernel_size: 1, num_outputs: 4}}
    add: {{type: add}}
    both: {{type: concat}}
    end: {{type: average_pool}}
    flat: {{type: flatten}}
    {layers}
  graph: {graph}
"""


LARGE = ("inception_v3", "nasnet")


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.slow) if name in LARGE else name for name in ZOO],
)
def test_the_zoo_has_the_published_parameters_and_macs(name: str) -> None:
    """Acceptance 11 and 14 to 25; MACs count every convolution and matrix product."""
    subject = open_subject(f"models/{name}.yaml")
    with torch.device("meta"):
        network = subject.build()
    assert (parameters_of(network), macs_of(network, subject.input)) == ZOO[name]


@pytest.mark.slow
def test_info_tells_them() -> None:
    told = json.loads(well(run_here("-m", "compression", "info", "models/lenet5.yaml", "--json")))
    assert (told["parameters"], told["macs"]) == ZOO["lenet5"]
    assert [layer["layer"] for layer in told["layers"]] == ["conv0.conv", "conv1.conv",
                                                           "fc1.linear", "logits"]  # fmt: skip
    assert "2,293,000" in well(run_here("-m", "compression", "info", "models/lenet5.yaml"))


def test_the_tiny_network() -> None:
    """Acceptance 9."""
    network = built(TINY)
    assert parameters_of(network) == 7_994
    x = torch.randn(3, 1, 8, 8)
    assert network(x).shape == (3, 10)
    assert torch.equal(built(TINY)(x), network(x))
    assert parameters_of(network.get_submodule("b1")) == 2_320
    assert parameters_of(network.get_submodule("b2")) == 4_640 + 544


def test_tensors_part_and_join_and_may_have_other_names() -> None:
    """Acceptance 10."""
    two = """two: {type: module, outputs: [x, y],
      layers: {p: {type: identity}, q: {type: identity}},
      graph: [{from: input, with: p, to: x}, {from: input, with: q, to: y}]}"""
    network = built(small(
        """
    - {from: input, with: a, to: wide}
    - {from: wide, with: two, to: [one, other]}
    - {from: other, with: null, to: same}
    - {from: [one, same], with: [add, end, flat], to: output}""", two,
    ))  # fmt: skip
    x = torch.randn(2, 2, 6, 6)
    expected = 2 * network.get_submodule("a")(x).mean((2, 3))
    torch.testing.assert_close(network(x), expected)


def test_what_no_output_needs_is_not_built() -> None:
    """Acceptance 11; the branch could not even be built."""
    network = built(small(
        """
    - {from: input, with: [a, end, flat], to: output}
    - {from: input, with: b, to: wrong}
    - {from: [wrong, flat], with: add, to: dead}""",
    ))  # fmt: skip
    assert [name for name, _ in network.named_children()] == ["a", "end", "flat"]


@pytest.mark.parametrize(
    ("graph", "kind", "complaint"),
    [
        ("{from: input, with: [c], to: output}", UndefinedLayerError, "there is no layer c"),
        (
            "[{from: input, with: a, to: x}, {from: input, with: b, to: y}, "
            "{from: [x, y], with: end, to: output}]",
            EdgeError, "average_pool takes one input, not 2",
        ),
        (
            "[{from: input, with: a, to: x}, {from: input, with: b, to: x}, "
            "{from: x, with: [end, flat], to: output}]",
            EdgeError, "x is made twice",
        ),
        ("{from: input, with: [a, end, flat], to: logits}", GraphIOError, "no edge leads to outp"),
        ("{from: nowhere, with: [a, end, flat], to: output}", GraphIOError, "nothing makes nowher"),
        (
            "[{from: x, with: a, to: y}, {from: y, with: b, to: x}, "
            "{from: x, with: [end, flat], to: output}]",
            GraphCyclicError, "a circle: x -> b -> y -> a -> x",
        ),
        ("[{from: x, with: null, to: x}, {from: x, with: [end, flat], to: output}]",
         GraphCyclicError, "x leads to itself"),
    ],
)  # fmt: skip
def test_mistakes_in_a_graph(graph: str, kind: type[ValueError], complaint: str) -> None:
    """Acceptance 12."""
    with pytest.raises(kind, match=complaint) as raised:
        built(small(graph))
    assert re.match(r"net.yaml:(12: model.graph|9: model.layers.end)", str(raised.value))


def test_a_module_used_twice_is_two_modules() -> None:
    """Acceptance 13."""
    network = built(TINY)
    first, second = (network.get_parameter(f"{name}.main.conv.weight") for name in ("b1", "b2"))
    assert first.shape[0] == 16 and second.shape[0] == 32
    assert first is not second


def test_another_side_and_other_classes() -> None:
    subject = open_subject("models/mobilenet_v2.yaml", 64, 10)
    assert (subject.input.height, subject.classes) == (64, 10)
    assert subject.build(0).eval()(torch.randn(2, 3, 64, 64)).shape == (2, 10)
    with pytest.raises(ValueError, match="takes no --dropout"):
        open_subject("models/mobilenet_v2.yaml", dropout=0.1)
    with pytest.raises(FileNotFoundError, match=r"did you mean models/lenet5.yaml\?"):
        open_subject("models/lenet6.yaml")


def test_padding_same_is_that_of_tensorflow() -> None:
    """On an even side a stride of 2 pads below and at the right only."""
    layers = (
        "s: {type: convolution, kernel_size: 3, stride: 2, num_outputs: 4, activation_fn: null}"
    )
    network = built(small("{from: input, with: [s, end, flat], to: output}", layers))
    x = torch.randn(1, 2, 6, 6)
    weight = network.get_parameter("s.conv.weight")
    by_hand = torch.nn.functional.conv2d(torch.nn.functional.pad(x, (0, 1, 0, 1)), weight, stride=2)
    torch.testing.assert_close(network.get_submodule("s")(x), by_hand)
    layers = "p: {type: average_pool, kernel_size: 3, stride: 2, padding: same}"
    network = built(small("{from: input, with: [p, a, end, flat], to: output}", layers))
    ones = torch.ones(1, 2, 6, 6)
    torch.testing.assert_close(network.get_submodule("p")(ones), torch.ones(1, 2, 3, 3))


def test_weights_begin_as_the_file_says() -> None:
    weight = load_network("models/lenet5.yaml", 0).get_parameter("conv0.conv.weight")
    assert 0.06 < weight.std() < 0.1 and weight.abs().max() <= 0.18


def test_a_gated_convolution_is_a_plain_one_that_a_recipe_can_gate() -> None:
    """Mayo's `gate_params` are left to `do: gate`; all other keys are those of a convolution."""
    gates = "gate_params: {enable: true, policy: parametric, density: 0.5, pool: avg}"
    same = "kernel_size: 3, num_outputs: 4, normalizer_fn: batch_norm"
    graph = "{from: input, with: [g, end, flat], to: output}"
    network = built(small(graph, f"g: {{type: gated_convolution, {same}, {gates}}}"))
    plain = built(small(graph, f"g: {{type: convolution, {same}}}"))
    x = torch.randn(2, 2, 6, 6)
    assert network.state_dict().keys() == plain.state_dict().keys()
    torch.testing.assert_close(network(x), plain(x))
    with pytest.raises(ValueError, match=r"no such key here \(did you mean gate_params\?\)"):
        built(small(graph, f"g: {{type: gated_convolution, {same}, gate_param: 1}}"))
