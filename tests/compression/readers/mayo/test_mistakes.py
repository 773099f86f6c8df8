"""What is wrong in files of Mayo's is refused with its file, its line, and the nearest names."""

from pathlib import Path

import pytest

from tests.compression.readers.mayo.tiny import over, read

FIXED = "FixedPointQuantizer, width: 4, point: 1"
RATE = "train.learning_rate: {type: tf.train.exponential_decay, learning_rate: 0.1, %s}\n"
VARIABLES = "search:\n  variables: {%s}\n"
DECAY = "decay_steps: 10, decay_rate: 0.5"


def twice(kind: str) -> str:
    return over(FIXED, more=f", two: {{type: mayo.override.{kind}}}")


@pytest.mark.parametrize(
    "text, message",
    [
        (over(FIXED, layer="conv9"), r":2: tiny has no layer conv9 \(near: conv\d, conv\d, conv"),
        (over(FIXED, layer="block.points"), r":2: .* no layer block.points \(near: block.point"),
        ("model.layers.conv9.overrider: null\n", ":1: tiny has no layer conv9"),
        (over(FIXED, layer="block"), ":2: block has several layers with weights"),
        (over(FIXED).replace("overrider:", "overider:"),
         r":2: model.layers.conv0: a layer has no overider \(did you mean overrider\?\)"),
        (over(FIXED, "weight"), r":2: .*called weight \(did you mean weights\?\)"),
        (over(FIXED, "gradient.errors"), r":2: .*called errors \(did you mean error\?\)"),
        (over("FixedPointQuantiser"), r":2: .*no overrider FixedPointQuantiser \(did you mean"),
        (over("FixedPointQuantizer, widht: 4"), r":2: .*takes no widht \(did you mean width\?\)"),
        (over("FixedPointQuantizer, width: many"), r":2: width: .*int"),
        (over("DGQuantizer, width: 4"), ":2: one .*needs overflow_rate"),
        (over("ShiftQuantizer, width: 4"), ":2: one .*needs bias, or overflow_rate"),
        (over("ShiftQuantizer, width: 4, bias: 1, exponent_bias: 2"), ":2: .*say one"),
        (over("FilterPruner, density: 2"), ":2: .*a density is 0 to 1"),
        (over("NetworkSlimmer, density: 0", layer="conv1"), ":2: .*above 0 and up to 1"),
        (over("IncrementalQuantizer, quantizer: {type: mayo.override.MeanStdPruner}"),
         ":2: .*quantizer is a grid, not MeanStdPruner"),
        (over("IncrementalQuantizer, quantizer: 4"), ":2: quantizer: an overrider is a map"),
        (over("MixedQuantizer, quantizers: [1]"), ":2: quantizers: a map of names"),
        (over("IncrementalQuantizer, quantizer: {type: mayo.override.DGQuantizer, with: 4}"),
         r":2: .*takes no with \(did you mean width"),
        (twice(FIXED), ":2: two overriders of weights of conv0 are FixedPointQuantizer"),
        (twice("MeanStdPruner, _priority: first"), ":2: .*a _priority is a number"),
        ("model.layers.conv0.overrider.weights.a: {width: 4}\n", ":1: .*a map with a `type`"),
        ("model.layers.conv0.overrider: {weights: 4}\n", ":1: .*a map of names and overriders"),
        ("model.layers.conv0.overrider: $(_overrider.con)\n_overrider: {conv: {}}\n",
         r":1: .*no _overrider.con \(did you mean conv\?\)"),
        ("model.layers: 4\n", ":1: model.layers: a map of layers"),
        ("model.layers.conv9.gate_params: {density: 0.5}\n", ":1: tiny has no layer conv9"),
        ("x: !exec print(1)\nmodel: {}\n", ":1: .*no code is run"),
        ("x: !eval 1 + 1\nmodel: {}\n", ":1: .*no code is run"),
        ("trian: {}\nmodel: {}\n", r":1: nothing of Mayo's is called trian \(did you mean train"),
        ("train.learning_rat: 0.1\n", r":1: train has no learning_rat \(did you mean learning_r"),
        ("train: 3\n", ":1: train: a map of keys"),
        ("search.mod: global\n", r":1: search has no mod \(did you mean mode\?\)"),
        ("search.accuracy.tolerance: much\n", ":1: .*'much' is no number"),
        ("search:\n  accuracy.tolerance: -0.02\n",
         ":2: search.accuracy.tolerance: -0.02 is no share of 0 to 1"),
        ("retrain:\n\n  tolerance: -1\n", ":3: retrain.tolerance: -1 is no share of 0 to 1"),
        ("search.accuracy.tolerance: .inf\n", ":1: search.accuracy.tolerance: inf is no number"),
        ("search.accuracy.tolerance: .nan\n", ":1: search.accuracy.tolerance: nan is no number"),
        ("search.accuracy: {tolerance: 0.1, baseline: -1}\n",
         ":1: search.accuracy.baseline: -1 is no share"),
        ("_import: none.yaml\n", ":1: _import: no file"),
        ("_import: 0.yaml\n", ":1: .*imported by a file that it imports"),
        ("model: [\n", ":2: no YAML"),
        ("model.layers.conv0.weights_overrider: [4]\n", ":1: .*an overrider is a map"),
        (RATE.replace("exponential_d", "exponental_d") % DECAY, r":1: no function .*did you mean"),
        (RATE % f"{DECAY}, stairs: true", r":1: .*takes no stairs \(did you mean staircase"),
        (RATE % "decay_steps: 0, decay_rate: 0.5", ":1: decay_steps: .*>= 0.001"),
        (RATE.replace("learning_rate: 0.1, ", "") % DECAY, ":1: .*needs learning_rate"),
        (RATE.replace("learning_rate: 0.1", "learning_rate: 0") % DECAY, ":1: .*above 0, not 0"),
        ("train.optimizer: {type: tf.train.MomentOptimizer}\n", r":1: .*mean MomentumOptimizer"),
        ("train.optimizer: {type: tf.train.MomentumOptimizer}\n", ":1: .*needs momentum"),
        ("train.optimizer: SGD\n", ":1: train.optimizer: a map with a `type`"),
        ("train.moving_average_decay: often\n", ":1: .*no number above 0"),
        ("system.max_epochs: 0\n", ":1: .*no number above 0"),
        ("system.max_epochs: .inf\n", ":1: system.max_epochs: inf is no number above 0"),
        ("train:\n  learning_rate: -1\n", ":2: train.learning_rate: -1 is no number above 0"),
        (RATE % "decay_steps: .inf, decay_rate: 0.5", ":1: decay_steps: a number is finite"),
        (RATE % "decay_steps: .nan, decay_rate: 0.5", ":1: decay_steps: a number is finite"),
        (RATE % DECAY + "system: [1]\n", ":2: system: a map of keys and values"),
        ("model: [1]\ntrain: {}\n", ":1: model: a map of keys and values"),
        ("_overrider: [1]\n", ":1: _overrider: a map of keys and values"),
        (over(FIXED) + "_overrider:\n  wieghts: {a: {type: mayo.override.MeanStdPruner}}\n",
         r":4: _overrider.wieghts: nothing refers to it .*\(did you mean weights\?\)"),
        (over(FIXED) + "_overrider:\n  lgits: null\n", ":4: .*did you mean logits"),
        (over(FIXED) + "_overrider.mine: {a: $(_overrider.own)}\n_overrider.mien: {}\n"
         "x: $(_overrider.mine)\n", r":4: _overrider.mien: .*\(did you mean mine\?\)"),
        (VARIABLES % "'conv77/.*width': {from: 8}", r":2: tiny has no layer conv77 \(near: conv\d"),
        (VARIABLES % "conv0/wdth: {from: 8}", ":2: search.variables.conv0/wdth: no overrider has"),
        (VARIABLES % "'conv77/weights/.*width': {from: 8}", ":2: tiny has no layer conv77 "),
        (VARIABLES % "weights/wdth: {from: 8}", ":2: .*write LAYER/CLASS.PARAMETER"),
        (VARIABLES % "wdth: {from: 8}", ":2: .*write LAYER/CLASS.PARAMETER"),
        (VARIABLES % "'conv0/[': {from: 8}", ":2: .*it is no pattern"),
        (VARIABLES % "conv0/Fixed.*width: {form: 8}", r":2: .*no form \(did you mean from\?\)"),
        (VARIABLES % "conv0/Fixed.*width: {from: x}", ":2: .*'x' is no number"),
        (VARIABLES % "conv0/width: 8", ":2: .*a map of from, to, step, min_step"),
        ("search.variables: [1]\n", ":1: search.variables: a map"),
        ("search.accuracy: [1]\n", ":1: search.accuracy: a map"),
        ("search.max_epochs.tune: 1\n", ":1: search.max_epochs has no tune"),
        ("search.cost_key: [1]\n", r":1: search.cost_key: a word, not \[1\]"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_with_its_line(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=rf"^{tmp_path}/0\.yaml{message}"):
        read(tmp_path, text)


def test_a_mistake_is_told_where_it_was_written(tmp_path: Path) -> None:
    roles = "_overrider:\n  conv.weights:\n    grid:\n      type: mayo.override.FixedPoint\n"
    with pytest.raises(ValueError, match=r"/1\.yaml:4: Mayo has no overrider FixedPoint "):
        read(tmp_path, "model.layers.conv0.overrider: $(_overrider.conv)\n", roles)
    with pytest.raises(ValueError, match=r"^command line \(train\.rate\):1: train has no rate"):
        read(tmp_path, "train: {}\n", "train.rate=3")
