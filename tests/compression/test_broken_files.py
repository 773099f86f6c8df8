"""Property: whatever stands in a recipe or a file of the four steps, it is read, or refused with
its line and key."""

import re
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from compression.pruning.config import Pruning
from compression.recipe import Recipe
from proxyless_nas.language.structs import read_yaml
from proxyless_nas.notice import Notice
from tests.broken_yaml import Change, changed, changes, node_at

RECIPE = """steps:
  - do: penalty
    where: {type: Conv2d}
    kind: {of: group-lasso, over: filters}
    strength: 0.0001
    when: {end: 10}
  - do: mask
    where: {type: [Conv2d, Linear], exclude: [stem.conv, "*.depth.*"]}
    method: {by: level, share: {curve: agp, start: 0.05, stop: 0.7}}
    when: {begin: 10, end: 30, every: 0.5}
  - do: channels
    macs: {curve: linear, start: 0.95, stop: 0.5}
    score: {by: l2}
    rank: evenly
    multiple: 8
  - do: override
    of: weight
    chain:
      - {by: surgery, alpha: 0.0}
      - {by: fixed, width: 6, overflow: 0.001}
rates:
  - {by: milestones, at: [60, 120], gamma: 0.2}
"""
BITS = """
steps:
  - do: quantize
    weights: {by: lsq, bits: 4}
    policy: {stem.conv: {weights: 8, activations: 8}}
"""
PRUNE = """out: runs/pruned
train: {arch: resnet20_cifar, weights: x.pt, dataset: cifar10, epochs: 20, base_lr: 0.01}
goal: {of: macs, share: 0.5}
choose: {by: least-lost}
score: {by: l2}
where: {exclude: "blocks.0.*"}
shares: [0.1, 0.5]
multiple: 4
"""
TOLD = r".*/own\.yaml:\d+: \S"


def read_or_refused(text: str, kind: type) -> str:
    """What is wrong with the text; nothing where it can be read."""
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", Notice)
        file = Path(folder) / "own.yaml"
        file.write_text(text)
        try:
            read_yaml(file, kind)
        except ValueError as error:
            assert re.match(TOLD, str(error)) and " - at `" not in str(error), error
            return str(error).removeprefix(f"{folder}/")
    return ""


def test_what_will_be_broken_can_be_read() -> None:
    for text, kind in ((RECIPE, Recipe), (BITS, Recipe), (PRUNE, Pruning)):
        assert not read_or_refused(changed(text, []), kind)


@given(st.sampled_from((RECIPE, BITS)), changes())
@example(RECIPE, [(node_at(RECIPE, "steps", "1", "method", "by"), "rename", "bye")])
@example(RECIPE, [(node_at(RECIPE, "steps", "1", "method", "share"), "replace", ".inf")])
@example(RECIPE, [(node_at(RECIPE, "steps", "0", "strength"), "replace", r'"\uD800"')])
@example(RECIPE, [(node_at(RECIPE, "steps", "2", "multiple"), "replace", "9" * 400)])
@example(RECIPE, [(node_at(RECIPE, "steps", "3", "chain"), "delete", "")])
@example(RECIPE, [(node_at(RECIPE, "steps"), "replace", "[]")])
@settings(max_examples=100, deadline=None)
def test_a_recipe_with_other_values_is_read_or_refused(text: str, done: list[Change]) -> None:
    read_or_refused(changed(text, done), Recipe)


@given(changes())
@example([(node_at(PRUNE, "goal", "share"), "rename", "shar")])
@example([(node_at(PRUNE, "goal", "share"), "replace", ".nan")])
@example([(node_at(PRUNE, "train", "epochs"), "replace", "{}")])
@settings(max_examples=100, deadline=None)
def test_a_pruning_with_other_values_is_read_or_refused(done: list[Change]) -> None:
    read_or_refused(changed(PRUNE, done), Pruning)


@pytest.mark.parametrize(
    ("text", "kind", "told"),
    [
        ("", Recipe, "own.yaml:1: a recipe without steps does nothing"),
        ("", Pruning, "own.yaml:1: out: Object missing required field `out`"),
        (RECIPE.replace("share:", "shar:"), Recipe,
         "own.yaml:9: steps.1.method.shar: Object contains unknown field `shar` (did you mean "
         "share?)"),
        (RECIPE.replace("curve: agp", "curve: apg"), Recipe,
         "own.yaml:9: steps.1.method.share.curve: Invalid value 'apg'"),
        (RECIPE.replace("0.7", ".inf"), Recipe,
         "own.yaml:9: steps.1.method.share.stop: inf is no number"),
        (RECIPE.replace("multiple: 8", "multiple: 0"), Recipe, "own.yaml:11: steps.2: "),
        (RECIPE.replace("multiple: 8", "multiple: many"), Recipe,
         "own.yaml:15: steps.2.multiple: Expected `int`, got `str`"),
        (RECIPE.replace("milestones, at: [60, 120], gamma: 0.2", "warm-restarts, first: 0"), Recipe,
         "own.yaml:22: rates.0.first: Expected `int` >= 1"),
        (RECIPE.replace("0.001}", "0.001"), Recipe, "own.yaml:21: no YAML: "),
        (RECIPE.replace("0.0001", "!arith 1 / 2"), Recipe, "own.yaml:5: steps.0.strength: !arith"),
        (RECIPE.replace("filters", "!exec x"), Recipe, "own.yaml:4: steps.0.kind.over: the tag"),
        (BITS.replace("weights: 8", "weights: x"), Recipe,
         "own.yaml:5: steps.0.policy.*.weights: Expected `int`"),
        ("steps: &steps [*steps]", Recipe, "own.yaml:1: steps.0: an anchor that holds itself"),
        (PRUNE.replace("share:", "shar:"), Pruning,
         "own.yaml:3: goal.shar: Object contains unknown field `shar` (did you mean share?)"),
        (PRUNE.replace("epochs: 20", "epochs: 1e400"), Pruning,
         "own.yaml:2: train.epochs: inf is no number"),
        (PRUNE.replace("multiple: 4", f"multiple: {'9' * 30}"), Pruning,
         "own.yaml:8: multiple: a whole number of more than 64 bits"),
    ],
)  # fmt: skip
def test_what_is_wrong_has_its_line_and_key(text: str, kind: type, told: str) -> None:
    assert read_or_refused(text, kind).startswith(told), read_or_refused(text, kind)
