"""The tree network's config and tensors are the original's, and so is what it computes."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from msgspec.structs import replace

from proxyless_nas import (
    BatchNorm,
    Classifier,
    Conv,
    MBConv,
    NetworkSpec,
    Shape,
    Tree,
    load_spec,
    load_weights,
)
from proxyless_nas.published import published_spec
from proxyless_nas.upstream.save import original_state
from proxyless_nas.upstream.write import original_config
from proxyless_nas.weights import save_tensors

Config = dict[str, Any]
SMALL = NetworkSpec(
    "small",
    Shape(3, 8, 8),
    Conv(4, 3, activation="none"),
    (
        Tree(12, 6, ("7M", "DI", "7M", "5D", "55", "3A")),
        Tree(16, 4, ("II", "AA", "MM", "35", "7D", "I3"), 2),
    ),
    None,
    Classifier(5, preactivated=True),
    BatchNorm(0.1, 1e-5),
)
# What the original code computed from the tensors of `filled` for the image of `filled`.
ORIGINAL_LOGITS = (145.362473, -100.530838, -305.704132, -381.051361, -300.47644)


def filled(names: list[str], shapes: dict[str, torch.Size]) -> dict[str, torch.Tensor]:
    """Tensors that anybody can make again: waves of a frequency of their own."""
    state: dict[str, torch.Tensor] = {}
    for index, name in enumerate(sorted(names)):
        size = shapes[name]
        wave = torch.sin(torch.arange(size.numel(), dtype=torch.float64) * (1.1 + 0.01 * index))
        if name.endswith("num_batches_tracked"):
            state[name] = torch.tensor(7)
        elif name.endswith(("running_var", "bn.weight")):
            state[name] = (1 + wave / 2).float().reshape(size)
        else:
            state[name] = wave.float().reshape(size)
    return state


def loaded(config: Config, folder: Path) -> NetworkSpec:
    (folder / "small.config").write_text(json.dumps(config))
    return load_spec(str(folder / "small.config"))


def layer(name: str, before: Config, channels: int, out: int, bn: bool, act: str | None) -> Config:
    """A layer of the original's file, its keys in the order in which they stand there."""
    return {
        "name": name,
        **before,
        "in_channels": channels,
        "out_channels": out,
        "use_bn": bn,
        "act_func": act,
        "dropout_rate": 0,
        "ops_order": "bn_act_weight",
    }


def convolution(kernel: int, stride: int = 1, dilation: int = 1, groups: int = 1) -> Config:
    return {
        "kernel_size": kernel,
        "stride": stride,
        "dilation": dilation,
        "groups": groups,
        "bias": False,
        "has_shuffle": groups == 2,
    }


def node(channels: tuple[int, int], how: tuple, edges: list, children: list) -> Config:
    return {
        "name": "TreeNode",
        "in_channels": channels[0],
        "out_channels": channels[1],
        "split_type": how[0],
        "merge_type": how[1],
        "has_branch_bn": how[2],
        "path_drop_rate": 0,
        "edges": edges,
        "child_nodes": children,
    }


def nineteenth_block() -> Config:
    """The first block of the second stage, as it stands in the published file."""
    identity = layer("IdentityLayer", {}, 46, 46, False, None)
    edges = {
        "I": identity,
        "D": layer("DepthConvLayer", convolution(3, dilation=2), 46, 46, True, "relu"),
        **{
            str(k): layer("DepthConvLayer", convolution(k), 46, 46, True, "relu") for k in (3, 5, 7)
        },
        **{
            kind[0].upper(): layer(
                "PoolingLayer",
                {"pool_type": kind, "kernel_size": 3, "stride": 1},
                *(46, 46, False, None),
            )
            for kind in ("max", "avg")
        },
    }

    def fork(pair: str, children: list | None = None) -> Config:
        both = [edges[letter] for letter in pair]
        return node((46, 46), ("copy", "add", False), both, children or [None, None])

    split = node(
        (92, 46),
        ("split", "add", True),
        [identity, identity],
        [fork("DM", [fork("5A"), fork("A7")]), fork("5A", [fork("73"), fork("AM")])],
    )
    root = layer("ConvLayer", convolution(3, 2, groups=2), 46, 92, True, "relu")
    pooling = {"pool_type": "avg", "kernel_size": 2, "stride": 2}
    return {
        "name": "ResidualTreeBlock",
        "cell_drop_rate": 0.0,
        "final_bn": True,
        "shortcut": layer("PoolingLayer", pooling, 176, 176, False, None),
        "in_bottle": layer("ConvLayer", convolution(1), 176, 46, True, None),
        "out_bottle": layer("ConvLayer", convolution(1), 46, 184, True, "relu"),
        "cell": node((46, 46), (None, None, False), [root], [split]),
    }


def test_a_block_is_written_as_it_stands_in_the_published_file() -> None:
    config = original_config(published_spec("proxyless_cifar"))
    assert list(config) == ["name", "blocks", "classifier"]
    assert json.dumps(config["blocks"][19]) == json.dumps(nineteenth_block())


def test_the_published_network_is_written_with_as_many_characters_as_in_its_file() -> None:
    written = msgspec.json.encode(original_config(published_spec("proxyless_cifar")))
    assert len(msgspec.json.format(written, indent=4)) == 968_879


@pytest.mark.parametrize("spec", [SMALL, published_spec("proxyless_cifar")], ids=lambda s: s.name)
def test_what_is_written_reads_back_equal(spec: NetworkSpec, tmp_path: Path) -> None:
    config = original_config(spec)
    assert loaded(config, tmp_path) == spec
    later = {"tree_node_config": {}, "cell_drop_rate": 0, "cell_drop_scheme": "linear"}
    assert loaded({**config, **later}, tmp_path) == spec


def test_the_original_layout_has_as_many_tensors_as_the_original() -> None:
    assert len(original_state(published_spec("proxyless_cifar").build())) == 4413


def test_the_network_computes_what_the_original_code_computes(tmp_path: Path) -> None:
    network = SMALL.build(0)
    shapes = {name: tensor.shape for name, tensor in original_state(network).items()}
    save_tensors(tmp_path / "small.pth", {"state_dict": filled(list(shapes), shapes)})
    load_weights(network, tmp_path / "small.pth")
    image = filled(["image"], {"image": torch.Size((1, 3, 8, 8))})["image"]
    with torch.no_grad():
        logits = network.eval()(image)[0]
    torch.testing.assert_close(logits, torch.tensor(ORIGINAL_LOGITS), rtol=1e-4, atol=1e-5)


BLOCK = "blocks.1"
FORK = f"{BLOCK}.cell.child_nodes.0.child_nodes.1"
WRONG = {  # the place and key to change, the value to write, what the error says
    "path drop": (f"{FORK}.path_drop_rate", 0.1, f"{FORK}.path_drop_rate is 0.1; only 0 can"),
    "cell drop": (
        "cell_drop_rate",
        0.2,
        "cell_drop_rate is 0.2; only 0 .* call proxyless_nas.drop",
    ),
    "no final norm": (f"{BLOCK}.final_bn", False, f"{BLOCK}.final_bn is false; only true can"),
    "order": (f"{BLOCK}.in_bottle.ops_order", "act_bn_weight", "in_bottle.ops_order is "),
    "concat": (f"{FORK}.merge_type", "concat", f"{FORK}.merge_type is .concat"),
    "kernel": (
        f"{FORK}.edges.0.kernel_size",
        9,
        f"{FORK}.edges.0 has kernel_size 9 and dilation 1",
    ),
    "shuffle": (f"{BLOCK}.cell.edges.0.has_shuffle", False, "cell.edges.0.has_shuffle is false"),
    "width": (f"{BLOCK}.in_bottle.in_channels", 8, "in_bottle.in_channels is 8; only 4 can"),
    "deeper": (f"{FORK}.child_nodes.0.child_nodes", [None], "child_nodes is a list of 1; only a"),
    "one child": (f"{FORK}.child_nodes", [None, None], f"{FORK}.child_nodes must be two nodes"),
    "no cell": (f"{BLOCK}.cell.child_nodes", [None], f"{BLOCK}.cell must be a ConvLayer and"),
    "three edges": (f"{FORK}.edges", [], f"{FORK}.edges are 0, not two"),
    "shortcut": ("blocks.2.shortcut.kernel_size", 3, "blocks.2.shortcut.kernel_size is 3; only 2"),
    "pooling": ("blocks.3.layers.0.kernel_size", 3, "blocks.3.layers.0.stride is 4; only 3 can"),
    "no pooling": ("blocks.3.layers", [], "blocks must begin with a TransitionBlock"),
    "odd width": (f"{BLOCK}.cell.edges.0.in_channels", 5, "small, blocks.0: .*mid 5"),
    "classifier": ("classifier.bias", False, "classifier.bias is false; only true can"),
    "unknown key": (f"{BLOCK}.cell.has_branch_bm", True, "did you mean has_branch_bn"),
    "unknown layer": (f"{FORK}.edges.0.name", "ZeroLayer", f"'ZeroLayer' at {FORK}.edges.0.name"),
}


@pytest.mark.parametrize(("place", "value", "message"), WRONG.values(), ids=WRONG.keys())
def test_what_cannot_be_said_is_an_error_that_names_file_place_and_key(
    place: str, value: object, message: str, tmp_path: Path
) -> None:
    config = original_config(SMALL)
    part: Any = config
    *keys, last = place.split(".")
    for key in keys:
        part = part[int(key)] if isinstance(part, list) else part[key]
    part[last] = value
    with pytest.raises(ValueError, match=rf"small\.config.*{message}"):
        loaded(config, tmp_path)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"norm": BatchNorm()}, "norm: .*eps=0.001"),
        ({"mix": Conv(24)}, "mix: "),
        ({"stem": Conv(4, 3)}, "stem: .*relu6"),
        ({"classifier": Classifier(5)}, "classifier: "),
        ({"input": Shape(3, 8, 12)}, "input: .*3x8x12"),
        ({"blocks": (*SMALL.blocks, MBConv(8, 8, 3))}, r"blocks\.2: .*MBConv"),
    ],
)
def test_what_the_original_cannot_say_is_an_error_that_names_it(change: Config, what: str) -> None:
    with pytest.raises(ValueError, match=rf"network small, {what}"):
        original_config(replace(SMALL, **change))
