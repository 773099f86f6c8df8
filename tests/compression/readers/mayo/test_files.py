"""Several files of Mayo's: how they are merged and imported, guessed, told apart and run."""

import json
import re
from pathlib import Path

import pytest

from compression.overriders import Fixed
from compression.readers import guess, read_as
from compression.readers.reading import Reading
from compression.recipe import read_recipe
from compression.steps import OverrideStep
from proxyless_nas.subject import open_subject
from search.auto.goal import read_goal
from tests.commands.helpers import assert_refused, run_here, well
from tests.compression.readers.mayo.tiny import NETWORK, over, read, subject
from tests.shared import shared

ROLES = """\
_overrider:
  weights: {}
  biases: {}
  conv: &role {weights: $(_overrider.weights), biases: $(_overrider.biases)}
  logits: {<<: *role}
"""
LAYERS = """\
_import: {}
model.layers:
  conv0.overrider: $(_overrider.conv)
  block.layers.point: {{overrider: $(_overrider.conv)}}
  logits: {{overrider: $(_overrider.logits)}}
"""
FIXED = """\
_overrider:
  weights: {grid: {type: mayo.override.FixedPointQuantizer, width: !arith 2 * $(_half), point: 1}}
_half: 3
"""


def folder_of(tmp_path: Path) -> Path:
    (tmp_path / "kinds").mkdir()
    (tmp_path / "roles.yaml").write_text(ROLES)
    (tmp_path / "tiny.yaml").write_text(LAYERS.format("roles.yaml"))
    (tmp_path / "kinds" / "fixed.yaml").write_text(FIXED)
    (tmp_path / "whole.yaml").write_text("_import: [tiny.yaml, kinds/fixed.yaml]\n_half: 2\n")
    return tmp_path


def only_step(found: Reading) -> OverrideStep:
    assert found.recipe is not None
    (step,) = found.recipe.steps
    assert isinstance(step, OverrideStep)
    return step


def test_a_role_is_what_the_last_file_says_whoever_pins_it(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    files = [str(folder / name) for name in ("tiny.yaml", "kinds/fixed.yaml")]
    step = only_step(read_as(files, subject()))
    assert step.chain == (Fixed(width=6, point=1),)
    assert step.where.name == ("conv0.conv", "block.point.conv", "logits")
    behind = read_as(files[::-1], subject())  # then roles are emptied again, but keys are merged
    assert behind.recipe == read_as(files, subject()).recipe
    later = read_as([*files, "_overrider.weights.grid.width=5", "_overrider.logits=null"],
                    subject())  # fmt: skip
    step = only_step(later)
    assert step.chain == (Fixed(width=5, point=1),) and "logits" not in step.where.name
    (note,) = later.notes
    assert str(note.place) == f"{files[1]}:2"  # where its class is said


def test_own_keys_win_over_those_of_imports_and_imports_are_in_order(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    assert only_step(read_as([str(folder / "whole.yaml")], subject())).chain == (
        Fixed(width=4, point=1),
    )
    (folder / "other.yaml").write_text(FIXED.replace("point: 1", "point: 2"))
    for imports, point in (
        ("other.yaml, kinds/fixed.yaml", 1),
        ("kinds/fixed.yaml, other.yaml", 2),
    ):
        (folder / "both.yaml").write_text(f"_import: [tiny.yaml, {imports}]\n")
        assert only_step(read_as([str(folder / "both.yaml")], subject())).chain == (
            Fixed(width=6, point=point),
        )


def test_every_note_says_its_file_and_line(tmp_path: Path) -> None:
    texts = [
        LAYERS.format("[]"), ROLES, FIXED, "search:\n  mode: global\n",
        "train:\n  learning_rate: 0.1\n  optimizer: {type: tf.train.AdamOptimizer}\n",
    ]  # fmt: skip
    told = read(tmp_path, *texts).told().splitlines()
    places = [line.partition(": ")[0].removeprefix(f"{tmp_path}/") for line in told]
    assert places == ["2.yaml:2", "4.yaml:2", "4.yaml:3", "3.yaml:1"]


def test_roles_that_no_layer_has_are_told(tmp_path: Path) -> None:
    found = read(tmp_path, ROLES, FIXED)
    assert found.recipe is None
    (note,) = found.notes
    assert note.verdict == "cannot be" and "no layer has a role" in note.words


def test_a_role_that_is_filled_and_that_nothing_refers_to_is_told(tmp_path: Path) -> None:
    more = "_overrider:\n  biases: {a: {type: mayo.override.MeanStdPruner}}\n  squeeze: {a: null}\n"
    found = read(tmp_path, over("MeanStdPruner"), more)
    told = [note for note in found.notes if note.what == "_overrider.biases"]
    assert [(note.verdict, note.place.line) for note in told] == [("cannot be", 2)]
    assert "nothing refers to it by $(_overrider.biases)" in told[0].words
    assert len(found.notes) == 2


def test_names_with_dots_are_those_of_any_network(tmp_path: Path) -> None:
    file = tmp_path / "ours.yaml"
    file.write_text(over("MeanStdPruner", layer="blocks.0.first.conv"))
    step = only_step(read_as([str(file)], open_subject("resnet20_cifar")))
    assert step.where.name == "blocks.0.first.conv"


def test_the_dialect_is_guessed() -> None:
    for text in (ROLES, LAYERS, FIXED, "train.learning_rate: 0.1\n", "search: {mode: global}\n"):
        assert guess(text, "file") == "mayo"
    with pytest.raises(ValueError, match="nothing is read: name a file"):
        read_as([], subject())
    with pytest.raises(ValueError, match="one file, not 2"):
        read_as(["a", "b"], subject(), "distiller")
    with pytest.raises(FileNotFoundError, match="no file nowhere"):
        read_as(["nowhere.yaml"], subject(), "mayo")


def test_gates_and_searches_are_told_but_are_no_recipe(tmp_path: Path) -> None:
    text = (
        "model.layers.conv1.gate_params: {policy: naive, density: 0.5}\n"
        "search:\n  mode: global\n  cost_key: macs\n  max_epochs.fine_tune: 3\n"
        "  accuracy: {baseline: 0.9, tolerance: 0.02}\n"
        "  variables: {'weights/MeanStdPruner.alpha$': {from: -1, to: 2, step: 0.5}}\n"
    )
    found = read(tmp_path, text)
    gate, search = found.notes
    assert found.recipe is None and gate.verdict == "cannot be" and gate.place.line == 1
    assert search.place.line == 2 and "--strategy back-tracking --floor 1.8" in search.words
    assert '--goal "macs=0.5x accuracy_drop=1.8"' in search.words
    assert "there all at once (mode: global)" in search.words
    retrain = read(tmp_path, "retrain:\n  tolerance: 0.001\n  iter_max_epoch: 10\n").notes[0]
    assert "--floor 0.1 " in retrain.words and retrain.what == "retrain"


def test_the_command_that_a_search_is_told_is_one_of_ours(tmp_path: Path) -> None:
    words = read(tmp_path, "search:\n  accuracy.tolerance: 0.01\n").notes[0].words
    flags = [word for word in words.partition("back-tracking")[0].split() if word[:2] == "--"]
    said = well(run_here("-m", "compression", "auto", "--help"))
    assert flags and all(flag in said for flag in [*flags, "--floor", "--goal", "back-tracking"])


@pytest.mark.parametrize("tolerance", ["0", "0.000000001", "0.02", "1"])
def test_the_tolerance_of_a_search_is_points_that_a_goal_may_lose(
    tolerance: str, tmp_path: Path
) -> None:
    words = read(tmp_path, f"search:\n  accuracy.tolerance: {tolerance}\n").notes[0].words
    asked, floor = re.search(r'--goal "(.+?)"', words), re.search(r"--floor (\S+)", words)
    assert asked is not None and floor is not None
    assert read_goal(asked[1]).drop == float(floor[1]) == pytest.approx(100 * float(tolerance))


def test_the_command_takes_several_files(tmp_path: Path) -> None:
    folder, out = folder_of(tmp_path), tmp_path / "recipe.yaml"
    (folder / "net.yaml").write_text(NETWORK)
    files = [folder / "tiny.yaml", folder / "kinds" / "fixed.yaml"]
    words = ("-m", "compression", "read", *files, "--arch", folder / "net.yaml")
    said = well(run_here(*words, "--out", out))
    assert f"{files[1]}:2: grid (FixedPointQuantizer): translated: conv0, block.point" in said
    assert read_recipe(out) == read_as([str(file) for file in files], subject()).recipe
    (folder / "roles.yaml").write_text(ROLES.replace("conv:", "convs:"))
    refused = run_here(*words)
    assert_refused(refused, f"{files[0]}:3: model.layers.conv0.overrider", "did you mean convs?")


@pytest.mark.slow
def test_a_training_takes_a_file_that_imports_the_others(tmp_path: Path) -> None:
    folder, out = folder_of(tmp_path), tmp_path / "out"
    (folder / "net.yaml").write_text(NETWORK.replace("16, width: 16", "32, width: 32"))
    flags = "--limit 48 --batch-size 16 --epochs 2 --threads 1 --log-every 3 --val-batch-size 16"
    words = ["main.py", "--arch", folder / "net.yaml", *flags.split(), "--normalise", "half"]
    words += ["--path", shared("data/cifar10_lossless_6102.npz")]
    said = well(run_here(*words, "--compress", folder / "whole.yaml", "--out", out))
    assert "grid (FixedPointQuantizer): translated: conv0, block.point, logits" in said
    (step,) = json.loads((out / "recipe.json").read_text())["steps"]
    assert step["chain"][0]["by"] == "fixed"
