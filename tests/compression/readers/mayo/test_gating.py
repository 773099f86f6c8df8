"""Mayo's gated convolutions: what is left chooses so many channels of each image."""

from pathlib import Path

import pytest

from compression.gates.place import gates_of
from compression.steps import GateStep
from tests.compression.readers.mayo.tiny import EPOCHS, only_note, read, recipe_of, subject
from tests.compression.readers.running import PER_EPOCH, images, learner_of

GATES = "model.layers.{layer}.gate_params:\n  policy: parametric\n  density: 0.5\n"


def test_gates_are_a_step_and_what_is_left_has_them(tmp_path: Path) -> None:
    text = GATES.format(layer="conv1") + "  pool: max\n  regularizer: l1\n  factor: 0.001\n"
    recipe = recipe_of(tmp_path, text, GATES.format(layer="conv2"))
    first, second = recipe.steps
    assert isinstance(first, GateStep) and isinstance(second, GateStep)
    assert (first.where.name, first.pool, first.factor) == ("conv1.conv", "max", 0.001)
    assert (second.where.name, second.density, second.bias) == ("conv2.conv", 0.5, "one")
    learner = learner_of(recipe, EPOCHS, subject().build(seed=0).train())
    for step in range(EPOCHS * PER_EPOCH):
        learner.step(step, [images(step)])
    left = learner.plain().eval()
    layers = gates_of(left)
    assert list(layers) == ["conv1.conv", "conv2.conv"]
    seen: list[int] = []
    for layer in layers.values():
        layer.register_forward_hook(lambda _, __, y: seen.append(int((y != 0).any((2, 3)).sum())))
    x, _ = images(0)
    left(x)
    assert all(0 < count <= 4 * len(x) for count in seen) and len(seen) == 2


@pytest.mark.parametrize(
    ("more", "verdict", "words"),
    [
        ("  enable: false\n", "translated", "not enabled"),
        ("  policy: naive\n", "cannot be", "only `parametric`"),
        ("  granularity: vector\n", "cannot be", "no places of a map"),
        ("  threshold: global\n", "differs", "a threshold that is averaged"),
        ("  regularizer: moe\n", "differs", "there is one on the sum"),
        ("  trainable: false\n", "differs", "the saliencies learn"),
    ],
)
def test_each_key_is_told(tmp_path: Path, more: str, verdict: str, words: str) -> None:
    text = f"model.layers.conv1.gate_params:\n  density: 0.5\n{more}"
    note = only_note(tmp_path, text)
    assert note.verdict == verdict and words in note.words and note.place.line == 1


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (GATES.format(layer="conv0"), r"0\.yaml:1: conv0 has no batch norm"),
        (GATES.format(layer="logits"), r":1: logits is no convolution"),
        (GATES.format(layer="conv9"), r":1: tiny has no layer conv9"),
        ("model.layers.conv1.gate_params:\n  densty: 0.5\n", r":2: .*takes no densty.*density"),
        ("model.layers.conv1.gate_params:\n  density: 2\n", r"up to 1, not 2"),
        ("model.layers.conv1.gate_params: 0.5\nmodel.name: x\n", r":1: .*a map of what the gates"),
    ],
)
def test_mistakes(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        read(tmp_path, text)
