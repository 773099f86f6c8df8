"""Every quantizer of Distiller's runs on ResNet-20 with the bits that it gives each layer."""

import pytest
import torch

from compression.quantizers.activations import (
    AnyActivations,
    DorefaActivations,
    Moving,
    PactActivations,
    RangeActivations,
)
from compression.quantizers.place import input_quantizers, quantization_of
from compression.quantizers.weights import AnyWeights, DorefaWeights, RangeWeights, WrpnWeights
from compression.readers.distiller.quantizers import QUANTIZERS
from tests.compression.readers.running import LAYER, read, recipe_of, run, schedule

FLOAT_ENDS = "overrides: {conv1: {bits_weights: null, bits_activations: null}, "
FLOAT_ENDS += "fc: {bits_weights: null, bits_activations: null}}"
CASES: dict[str, tuple[str, AnyWeights, AnyActivations]] = {
    "DorefaQuantizer": ("", DorefaWeights(bits=3), DorefaActivations(bits=4)),
    "PACTQuantizer": (
        "act_clip_init_val: 6.0, act_clip_decay: 0.001, ",
        DorefaWeights(bits=3),
        PactActivations(bits=4, clip=6.0, decay=0.001),
    ),
    "WRPNQuantizer": ("", WrpnWeights(bits=3), DorefaActivations(bits=4)),
    "QuantAwareTrainRangeLinearQuantizer": (
        "mode: ASYMMETRIC_UNSIGNED, ema_decay: 0.9, per_channel_wts: true, "
        "quantize_inputs: false, ",
        RangeWeights(bits=3, symmetric=False, follows=True),
        RangeActivations(bits=4, follows=0.9),
    ),
}


def test_every_quantizer_has_a_case() -> None:
    assert CASES.keys() == QUANTIZERS.keys()


@pytest.mark.parametrize("name", CASES)
def test_a_quantizer_rounds_while_the_network_learns(name: str) -> None:
    args, weights, activations = CASES[name]
    text = schedule(
        "quantizers", f"{name}, bits_activations: 4, bits_weights: 3, {args}{FLOAT_ENDS}"
    )
    found = run(text)
    placed = quantization_of(found.learner.network).layers
    assert len(placed) == 20 and "stem.conv" not in placed and "classifier.linear" not in placed
    for one in placed.values():
        assert (one.weights, one.activations) == (weights, activations)
    levels = {round(float(value), 5) for value in found.after[-1][0].unique()}
    assert len(levels) <= 9 and not torch.equal(found.after[0], found.after[-1])


def test_an_average_range_moves_with_what_flows_and_only_while_it_learns() -> None:
    args = "bits_activations: 8, bits_weights: 8, ema_decay: 0.5, mode: SYMMETRIC"
    found = run(schedule("quantizers", f"QuantAwareTrainRangeLinearQuantizer, {args}"))
    network = found.learner.network
    quantizer = input_quantizers(network)[LAYER]
    assert isinstance(quantizer, Moving)
    x = torch.linspace(0, 8, 100).reshape(1, -1)
    low, high = quantizer.ends.tolist()
    quantizer.train()(x)
    assert quantizer.ends.tolist() == pytest.approx([low / 2, (high + 8) / 2])
    before = quantizer.ends.clone()
    quantizer.eval()(x)
    assert torch.equal(quantizer.ends, before)
    assert "stem.conv" in input_quantizers(network)  # it rounds images too


def test_the_first_pattern_that_fits_wins_but_a_name_comes_before() -> None:
    overrides = "overrides: {'layer1\\..*': {bits_weights: 2}, 'layer.*': {bits_weights: 5}, "
    overrides += "layer1.0.conv2: {bits_weights: 7}}"
    text = schedule("quantizers", f"DorefaQuantizer, bits_weights: 4, {overrides}")
    placed = quantization_of(run(text).learner.network).layers
    bits = {name: one.weights.bits for name, one in placed.items() if one.weights is not None}
    assert bits["stem.conv"] == bits["classifier.linear"] == 4
    assert (bits[LAYER], bits["blocks.0.second.conv"], bits["blocks.3.first.conv"]) == (2, 7, 5)


def test_a_quantizer_for_trained_networks_becomes_a_command() -> None:
    args = "bits_activations: 8, bits_parameters: 6, mode: {weights: SYMMETRIC, activations: "
    args += "ASYMMETRIC_UNSIGNED}, clip_acts: AVG, per_channel_wts: true"
    text = f"quantizers:\n  ptq: {{class: PostTrainLinearQuantizer, {args}}}\n"
    found = read(text)
    assert found.recipe is None
    (note,) = found.notes
    words = "python -m compression quantize --arch resnet20_cifar --weights FILE --out DIR --fold "
    words += "--ends same --per channel --weight-bits 6 --activation-bits 8 --symmetric "
    assert f"{words}--activation-range mse" in note.words and note.verdict == "differs"


@pytest.mark.parametrize(
    "args, message",
    [
        ("bits_weights: 12", "12 bits: a quantizer takes 1 to 8"),
        ("bits_weights: 4, overrides: {conv9: {bits_weights: 2}}", "no parameter conv9.weight"),
        ("bits_weights: 4, overrides: {conv1: {bit_weights: 2}}", "did you mean bits_weights"),
        ("bits_weights: 4, overrides: {'conv(': {bits_weights: 2}}", "no pattern"),
        ("bits_bias: 8", "everything stays in float"),
    ],
)
def test_what_a_quantizer_cannot_do_is_refused_with_its_line(args: str, message: str) -> None:
    with pytest.raises(ValueError, match=rf"schedule\.yaml:3: .*{message}"):
        recipe_of(schedule("quantizers", f"DorefaQuantizer, {args}"))
