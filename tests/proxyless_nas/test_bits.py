"""Laws of bits and policies: what may be asked for, how it is counted, and what a file must say."""

import pytest
from msgspec import structs

from proxyless_nas import load_spec
from proxyless_nas.bits import (
    Bits,
    Policy,
    bit_operations,
    load_policy,
    read_bits,
    uniform,
    weight_bytes,
    with_bits,
)
from proxyless_nas.blocks.base import norm_layer
from proxyless_nas.layer import Layer, Shape

SPEC = load_spec("mobilenet_v2-w0.5")
LAYERS = SPEC.layers()
FOUR = Bits(4, 4)


@pytest.mark.parametrize("bits", [1, 2, 5, 8, 32])
def test_bits_are_written_and_read_back(bits: int) -> None:
    assert read_bits(str(bits)) == Bits(bits, bits)
    assert read_bits(str(Bits(bits, 3))) == Bits(bits, 3)


@pytest.mark.parametrize("bits", [-1, 0, 9, 16, 31, 33])
def test_bits_that_no_layer_can_have_are_refused_on_either_side(bits: int) -> None:
    for both in ((bits, 8), (8, bits)):
        with pytest.raises(ValueError, match=r"1 to 8, or 32"):
            Bits(*both)


@pytest.mark.parametrize("text", ["", "four", "w4", "a4w4", "4.5", "-1", "4 4"])
def test_what_is_not_written_like_bits_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="w6a4"):
        read_bits(text)


def test_a_policy_goes_through_its_file_unchanged(tmp_path) -> None:
    policy = uniform(LAYERS, FOUR, SPEC.name)
    first = next(iter(policy.layers))
    policy = structs.replace(policy, layers={**policy.layers, first: Bits(8, 2)})
    policy.save(tmp_path / "p.json")
    assert load_policy(tmp_path / "p.json", LAYERS) == policy


def test_batch_norms_need_no_bits_and_get_none() -> None:
    layers = (*LAYERS, norm_layer("alone", Shape(4, 2, 2)))
    assert with_bits(layers) == LAYERS
    assert "alone" not in uniform(layers, FOUR).layers
    uniform(LAYERS, FOUR).must_fit(layers)


def test_a_layer_that_the_network_has_not_is_named_with_the_nearest_one(tmp_path) -> None:
    layers = uniform(LAYERS, FOUR).layers
    Policy("x", {**layers, "blocks.3.expandd.conv": FOUR}).save(tmp_path / "p.json")
    with pytest.raises(ValueError, match=r"p\.json.*expandd.*did you mean blocks\.3\.expand"):
        load_policy(tmp_path / "p.json", LAYERS)


def test_layers_without_bits_are_named(tmp_path) -> None:
    layers = dict(uniform(LAYERS, FOUR).layers)
    del layers["stem.conv"]
    Policy("x", layers).save(tmp_path / "p.json")
    with pytest.raises(ValueError, match=r"p\.json: no bits for stem\.conv"):
        load_policy(tmp_path / "p.json", LAYERS)
    with pytest.raises(LookupError, match=r"stem\.conv"):
        Policy("x", layers).of(LAYERS[0])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"network": "x", "layers": {"a": {"weights": 9, "activations": 4}}}', "9 bits"),
        ('{"network": "x", "layers": {"a": {"weight": 4, "activations": 4}}}', "weights"),
        ('{"network": "x", "layers": {"a": {"weights": 4.5, "activations": 4}}}', "int"),
        ('{"network": "x"}', "layers"),
        ("{", "p.json"),
    ],
)
def test_what_is_no_policy_is_refused(text: str, said: str, tmp_path) -> None:
    (tmp_path / "p.json").write_text(text)
    with pytest.raises(ValueError, match=said) as error:
        load_policy(tmp_path / "p.json", LAYERS)
    assert "p.json" in str(error.value)


def test_a_missing_file_is_said_to_be_missing(tmp_path) -> None:
    with pytest.raises(FileNotFoundError, match="none"):
        load_policy(tmp_path / "none.json", LAYERS)


def test_bit_operations_are_macs_times_both_bits() -> None:
    assert bit_operations(LAYERS, uniform(LAYERS, Bits(1, 1))) == SPEC.macs
    assert bit_operations(LAYERS, uniform(LAYERS, Bits(3, 5))) == 15 * SPEC.macs
    policy = uniform(LAYERS, FOUR)
    mixed = structs.replace(policy, layers={**policy.layers, "stem.conv": Bits(8, 2)})
    assert bit_operations(LAYERS, mixed) == 16 * SPEC.macs  # 8 x 2 is 4 x 4
    wider = structs.replace(policy, layers={**policy.layers, "stem.conv": Bits(8, 4)})
    assert bit_operations(LAYERS, wider) == 16 * (SPEC.macs + LAYERS[0].macs)


def test_weights_of_a_layer_that_is_called_twice_are_stored_once_and_computed_twice() -> None:
    layer = Layer("shared", "linear", Shape(6, 1, 1), Shape(4, 1, 1))
    policy = uniform([layer], Bits(3, 8))
    assert weight_bytes([layer, layer], policy) == weight_bytes([layer], policy) == 24 * 3 / 8
    assert bit_operations([layer, layer], policy) == 2 * 24 * 3 * 8
