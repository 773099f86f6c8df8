"""Laws of descriptions: what is counted is what is built, and JSON loses nothing."""

import msgspec
import pytest
import torch

from proxyless_nas import (
    Classifier,
    Conv,
    MBConv,
    NetworkSpec,
    Residual,
    Separable,
    Shape,
    Skip,
    Tree,
    hand_made,
    load_spec,
    named_space,
)
from proxyless_nas.blocks import AnyBlock
from proxyless_nas.files import write_bytes


def small(*blocks: AnyBlock) -> NetworkSpec:
    return NetworkSpec("small", Shape(3, 15, 13), Conv(8, 3, 2), blocks, Conv(24), Classifier(7))


SPECS = {
    "hand-made": hand_made("fashion"),
    "narrow": hand_made("fashion", 0.35),
    "odd sides": small(MBConv(12, 20, 7, 2), MBConv(12, 5, 3, 1, True), Skip(), Conv(9, 5, 2)),
    "no expansion": small(MBConv(16, None, 5), MBConv(16, 16, 5, 1, True)),
    "squeezed": small(MBConv(16, 32, 5, 2, activation="hswish", squeeze=8)),
    "plain": small(Residual(8, 5), Residual(12, 12, 5, 2, True), Separable(20, 5, 2)),
    "trees": NetworkSpec(
        "trees",
        Shape(3, 12, 8),
        Conv(4, 3, activation="none"),
        (
            Tree(12, 6, ("7M", "DI", "7M", "5D", "55", "3A")),
            Tree(12, 4, ("II", "AA", "MM", "35", "7D", "I3"), 2),
        ),
        None,
        Classifier(7, preactivated=True),
    ),
    "imagenet": named_space("imagenet-mobile").network([5] * 21),
}


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS.keys())
def test_parameters_equal_those_of_the_module(spec: NetworkSpec) -> None:
    assert spec.parameters == sum(p.numel() for p in spec.build().parameters())


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS.keys())
def test_macs_equal_the_multiplications_the_module_does(spec: NetworkSpec) -> None:
    done: dict[str, int] = {}

    def count(name: str):
        def hook(module, inputs, output):
            per_output = module.weight[0].numel()
            done[name] = per_output * output[0].numel()

        return hook

    network = spec.build().eval()
    for name, module in network.named_modules():
        if isinstance(module, torch.nn.Conv2d | torch.nn.Linear):
            module.register_forward_hook(count(name))
    with torch.no_grad():
        network(torch.zeros(1, spec.input.channels, spec.input.height, spec.input.width))
    assert done == {layer.name: layer.macs for layer in spec.layers() if layer.kind != "norm"}
    assert spec.macs == sum(done.values())


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS.keys())
def test_layer_names_are_module_names(spec: NetworkSpec) -> None:
    network = spec.build()
    for layer in spec.layers():
        assert network.get_parameter(f"{layer.name}.weight").numel() == layer.weights


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS.keys())
def test_a_saved_description_reads_back_equal(spec: NetworkSpec, tmp_path) -> None:
    spec.save(str(tmp_path / "spec.json"))
    assert load_spec(str(tmp_path / "spec.json")) == spec


def test_a_seed_makes_weights_repeatable_and_leaves_torchs_generator_alone() -> None:
    before = torch.get_rng_state()
    first, second = SPECS["narrow"].build(3), SPECS["narrow"].build(3)
    assert torch.equal(before, torch.get_rng_state())
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(a, b)
    other = SPECS["narrow"].build(4)
    assert not torch.equal(next(first.parameters()), next(other.parameters()))


def test_a_skip_returns_its_input() -> None:
    block = Skip().build(Shape(4, 3, 3), SPECS["narrow"].norm)
    x = torch.randn(2, 4, 3, 3)
    assert block(x) is x


def test_a_residual_adds_the_input() -> None:
    plain, residual = MBConv(8, 16, 3), MBConv(8, 16, 3, 1, True)
    norm = SPECS["narrow"].norm
    torch.manual_seed(0)
    without = plain.build(Shape(8, 5, 5), norm)
    added = residual.build(Shape(8, 5, 5), norm)
    added.load_state_dict(without.state_dict())
    x = torch.randn(3, 8, 5, 5)
    torch.testing.assert_close(added.eval()(x), x + without.eval()(x))


def tree(edges: str) -> tuple[str, str, str, str, str, str]:
    a, b, c, d, e, f = edges.split()
    return a, b, c, d, e, f


def test_a_tree_without_weights_is_its_shortcut_averaged_and_widened_with_zeros() -> None:
    block = Tree(7, 4, tree("7M DI 7M 5D 55 3A"), 2).build(Shape(5, 4, 6), SPECS["narrow"].norm)
    for parameter in block.parameters():
        torch.nn.init.zeros_(parameter)
    x = torch.randn(2, 5, 4, 6)
    y = block.eval()(x)
    torch.testing.assert_close(y[:, :5], torch.nn.functional.avg_pool2d(x, 2))
    assert not y[:, 5:].any()


@torch.no_grad()
@pytest.mark.parametrize("letter", "357DMAI")
def test_each_edge_of_a_tree_changes_what_the_block_computes(letter: str) -> None:
    other = "I" if letter != "I" else "M"
    shape, norm = Shape(4, 6, 6), SPECS["narrow"].norm
    x = torch.randn(2, 4, 6, 6, generator=torch.Generator().manual_seed(1))
    plain = Tree(4, 4, tree(" ".join([other * 2] * 6))).build(shape, norm)
    for place in range(12):
        words = [other] * 12
        words[place] = letter
        edges = tree(" ".join(a + b for a, b in zip(words[::2], words[1::2], strict=True)))
        block = Tree(4, 4, edges).build(shape, norm)
        block.load_state_dict(plain.state_dict(), strict=False)
        assert not torch.allclose(block(x), plain(x))


def test_a_network_whose_blocks_do_not_fit_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"small, blocks\.1.*residual"):
        small(Conv(16), MBConv(8, 16, 3, 1, True))
    with pytest.raises(ValueError, match="kernel 4"):
        small(MBConv(8, 16, 4))
    edges = tree("II II II II II II")
    for wrong in (Tree(4, 4, edges), Tree(8, 3, edges), Tree(8, 4, edges, 2)):
        with pytest.raises(ValueError, match=r"small, blocks\.0: tree"):
            small(wrong)
    with pytest.raises(ValueError, match="'IX' are not two letters"):
        Tree(8, 4, tree("II II II IX II II"))


def test_an_unknown_key_is_an_error_that_names_the_nearest(tmp_path) -> None:
    text = msgspec.json.encode(SPECS["narrow"]).replace(b'"residual"', b'"residaul"')
    write_bytes(tmp_path / "spec.json", text)
    with pytest.raises(ValueError, match=r"residaul.*did you mean residual"):
        load_spec(str(tmp_path / "spec.json"))


def test_a_torn_file_is_an_error_that_names_the_file(tmp_path) -> None:
    write_bytes(tmp_path / "spec.json", msgspec.json.encode(SPECS["narrow"])[:100])
    with pytest.raises(ValueError, match=r"spec\.json is not a valid NetworkSpec"):
        load_spec(str(tmp_path / "spec.json"))
    with pytest.raises(FileNotFoundError, match=r"no file and no published network .*other\.json"):
        load_spec(str(tmp_path / "other.json"))
