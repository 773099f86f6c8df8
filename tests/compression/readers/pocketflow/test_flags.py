"""Flags of PocketFlow's: each has a note with its line, defaults are its own, mistakes are told."""

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import fields

from compression.readers import guess, pocketflow, read_as
from compression.readers.pocketflow.flags import Agent, Distillation, Training
from compression.readers.pocketflow.parsing import LEARNERS, OWNERS
from compression.readers.pocketflow.shell import commands
from compression.readers.writing import recipe_text
from compression.recipe import read_recipe
from compression.steps import ChannelsStep, MaskStep, QuantizeStep
from proxyless_nas import load_spec
from proxyless_nas.subject import open_subject
from tests.commands.helpers import assert_refused, run_here, well
from tests.compression.analysis.commands import small_cifar
from tests.compression.readers.pocketflow.commands import (
    FILE,
    SCRIPT,
    command,
    read,
    recipe_of,
)
from tests.compression.readers.running import LAYER, subject, weight_of
from training.rates import Exponential, Milestones

SCRIPT_OF_TWO_LINES = """\
#!/bin/bash
# own example: 'a quote in a comment
export PATH="$HOME/bin:$PATH"

./scripts/run_local.sh nets/resnet_at_cifar10_run.py -n=2 \\
    --learner channel --cp_prune_option=uniform \\
    --cp_uniform_preserve_ratio '0.6' --enbl_dst --noenbl_warm_start \\
    --ws_prune_ratio 0.5 --ddpg_tau "0.1" 2>&1 | tee log.txt
"""


def told(text: str) -> dict[str, tuple[int, str, str]]:
    """By what was written, the line, the verdict and the words."""
    return {note.what: (note.place.line, note.verdict, note.words) for note in read(text).notes}


def test_every_flag_has_a_note_with_its_line() -> None:
    notes = told(SCRIPT_OF_TWO_LINES)
    assert {what: line for what, (line, _, _) in notes.items()} == {
        "export": 3, "nets/resnet_at_cifar10_run.py": 5, "-n=2": 5, "--learner channel": 6,
        "--cp_prune_option=uniform": 6, "--cp_uniform_preserve_ratio 0.6": 7, "--enbl_dst": 7,
        "--noenbl_warm_start": 7, "--ws_prune_ratio 0.5": 8, "--ddpg_tau 0.1": 8, "tee": 8,
    }  # fmt: skip
    assert "main.py" in notes["nets/resnet_at_cifar10_run.py"][2]
    assert "--nproc-per-node 2" in notes["-n=2"][2]
    assert notes["--ws_prune_ratio 0.5"][2].startswith("of weight-sparse: it does nothing")
    assert "nothing there either" in notes["--ddpg_tau 0.1"][2]


def written(kind: Any) -> str:
    """All flags of a group with their defaults."""
    defaults = {field.name: field.default for field in fields(kind) if field.name != "learner"}
    return " ".join(f"--{name}={value}" for name, value in defaults.items() if value is not None)


@pytest.mark.parametrize("learner", LEARNERS)
def test_what_is_left_out_has_the_default_of_pocketflow(learner: str) -> None:
    kinds = [Training, Distillation, Agent, *([kind] if (kind := LEARNERS[learner]) else [])]
    flags = " ".join(written(kind) for kind in kinds)
    found = read(command(learner, flags))
    assert found.recipe == recipe_of(learner)
    assert len(found.notes) == 2 + len(flags.split())
    assert all(note.words and note.verdict for note in found.notes)


def test_every_flag_belongs_to_one_group() -> None:
    groups = [Training, Distillation, Agent, *(kind for kind in LEARNERS.values() if kind)]
    names = [field.name for kind in groups for field in fields(kind)]
    assert len(names) == len(set(names)) and set(names) == set(OWNERS)


@pytest.mark.parametrize(
    "flags, words",
    [
        ("channel", '--goal "macs=0.5x" --methods channels'),
        ("uniform --uql_enbl_rl_agent", '--goal "bytes=0.1339x" --methods bits'),
        ("non-uniform --nuql_enbl_rl_agent --nuql_equivalent_bits 2", "bytes=0.0718x"),
        ("weight-sparse", '--goal "nonzeros=0.25x" --methods sparsity'),
    ],
)
def test_what_an_agent_looks_for_has_a_command_of_ours(flags: str, words: str) -> None:
    found = read(command(flags))
    assert any(words in note.words for note in found.notes)
    again = read(command(f"{flags} --ddpg_gamma 0.5"))
    assert again.notes[-1].verdict == "cannot be" and "agent" in again.notes[-1].words


def test_numbers_of_steps_are_told_in_epochs_of_the_data_and_the_workers() -> None:
    flags = "--ws_mask_update_step 1000 --ws_prune_ratio_prtl uniform"
    (one,), (two,) = (recipe_of("weight-sparse", f"{flags} {more}").steps for more in ("", "-n=2"))
    assert one.when.every == pytest.approx(2.56, rel=0.02)
    assert two.when.every == pytest.approx(5.12, rel=0.04)
    shorter = recipe_of("weight-sparse", "--nb_epochs_rat 0.1").steps[0]
    assert shorter.when.begin == 2.5 and shorter.when.end == pytest.approx(13.2, abs=0.2)


def test_other_networks_have_other_epochs_and_unknown_ones_are_told() -> None:
    def rates_of(script: str, flags: str) -> Any:
        found = read(f"run_docker.sh nets/{script}_run.py --learner full-prec {flags}")
        assert found.recipe is not None
        return found.recipe.rates

    assert rates_of("mobilenet_at_ilsvrc12", "") == (Milestones(at=(30, 60, 80, 90)),)
    assert rates_of("mobilenet_at_ilsvrc12", "--mobilenet_version 2") == (Exponential(gamma=0.98),)
    note = read("nets/convnet_at_fmnist_run.py --learner full-prec").notes[0]
    assert note.verdict == "differs" and "resnet_at_cifar10's is taken" in note.words
    with pytest.raises(ValueError, match=r"^run\.sh:1: vgg_at_pascalvoc finds boxes"):
        read("nets/vgg_at_pascalvoc_run.py --learner channel")


def test_a_file_of_flags_is_a_command_without_a_script() -> None:
    lines = "--learner=uniform\n# bits\n--uql_weight_bits=3\n\n--uql_weight_bits=2\n"
    found = read(lines)
    assert found.recipe is not None
    (step,) = found.recipe.steps
    assert isinstance(step, QuantizeStep) and step.weights is not None and step.weights.bits == 2
    assert [note.place.line for note in found.notes] == [1, 1, 3, 5]


def test_what_is_no_training_has_no_recipe() -> None:
    found = read(command("channel", "--exec_mode eval"))
    assert found.recipe is None and "eval.py" in found.notes[-1].words
    none = read(command("channel", "--cp_prune_option list"))
    assert none.recipe is not None and not none.recipe.steps
    assert [note.verdict for note in none.notes[1:]] == ["cannot be", "cannot be"]


def test_layers_that_are_named_must_be_there() -> None:
    named = recipe_of("chn-pruned-rmt", "--cpr_skip_op_names layer1.1.conv2")
    (step,) = named.steps
    assert isinstance(step, ChannelsStep) and step.keep is not None
    assert "blocks.1.first.conv" not in step.keep and "blocks.2.first.conv" in step.keep


def test_depthwise_layers_and_the_first_one_of_a_mobilenet_have_no_masks() -> None:
    other = open_subject("torchvision:mobilenet_v2")
    text = "nets/mobilenet_at_ilsvrc12_run.py --learner weight-sparse"
    found = pocketflow.read(text, FILE, other, 0).recipe
    assert found is not None
    (step,) = found.steps
    assert isinstance(step, MaskStep)
    network = other.build(seed=0)
    for name in step.where.layers(network):
        assert getattr(network.get_submodule(name), "groups", 1) == 1
    assert len(step.where.layers(network)) == 53 - 17 - 1


@pytest.mark.parametrize(
    "text, message",
    [
        (command("chanel"), r":1: PocketFlow has no learner chanel \(did you mean channel"),
        (command("channel", "\\\n--cp_prune_optoin uniform"), r":2: .*did you mean cp_prune_opt"),
        (command("channel", "--cp_preserve_ratio 1.5"), ":1: cp_preserve_ratio: .*<= 1"),
        (command("channel", "\\\n --cp_preserve_ratio much"), ":2: cp_preserve_ratio: .*float"),
        (command("channel", "--cp_prune_option even"), ":1: cp_prune_option: .*'even'"),
        (command("channel", "--cp_preserve_ratio"), ":1: cp_preserve_ratio: it has no value"),
        (command("channel", "--cp_preserve_ratio $R"), ":1: cp_preserve_ratio: a variable"),
        (command("channel", "--enbl_dst False"), ":1: enbl_dst: .*write --enbl_dst=False"),
        (command("channel", "--enbl_dst=maybe"), ":1: enbl_dst: .*bool"),
        (command("channel", "again"), ":1: a flag stands here, not 'again'"),
        (command("channel", "--uql_weight_bits 0"), ":1: uql_weight_bits: .*>= 1"),
        (command("uniform", "--uql_weight_bits 12"), ":1: uql_weight_bits: 12 bits: 1 to 8"),
        (command("uniform", "--uql_activation_bits 9"), ":1: uql_activation_bits: 9 bits"),
        (command("weight-sparse", "--ws_iter_ratio_beg .5"), ":1: ws_iter_ratio_end: 0.5 does not"),
        (command("chn-pruned-rmt", "--cpr_skip_op_names layer1.9.conv1"), ":1: .*no layer .*near"),
        (command("channel") + command("uniform"), r":2: a second command, behind .*run\.sh:1"),
        ("ls\n", ":1: no command of PocketFlow's"),
        ("", ":1: no command of PocketFlow's"),
        ("--learner 'channel\n", ":1: a quote does not end"),
    ],
)
def test_what_is_wrong_is_refused_with_its_line(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=rf"^run\.sh{message}"):
        read(text)


def test_no_command_goes_on_behind_some_epochs() -> None:
    with pytest.raises(ValueError, match=r"^run\.sh:1: .*no --learnt"):
        pocketflow.read(command("channel"), FILE, subject(), 3)


def test_words_are_those_of_a_shell() -> None:
    text = "a 'b c'\"d \\\" e\" f\\ g \\\n h # 'not\n# nor this\n3>x i>> log j; k#l\n"
    found = [[(one.text, one.place.line) for one in words] for words in commands(text, FILE)]
    assert found == [
        [("a", 1), ('b cd " e', 1), ("f g", 1), ("h", 2)],
        [("i", 4), ("j", 4)],
        [("k#l", 4)],
    ]


@pytest.mark.parametrize(
    "text", [SCRIPT, SCRIPT_OF_TWO_LINES, "--learner uniform", "python main.py --learner=channel"]
)
def test_the_dialect_is_guessed(text: str) -> None:
    assert guess(text, "file") == "pocketflow"


def test_the_command_prints_notes_and_a_training_takes_the_script(tmp_path: Path) -> None:
    file, out = tmp_path / "run.sh", tmp_path / "recipe.yaml"
    file.write_text(SCRIPT_OF_TWO_LINES)
    words = ("-m", "compression", "read", file, "--arch", "resnet20_cifar")
    said = well(run_here(*words, "--out", out))
    assert f"{file}:7: --enbl_dst: translated: `teach`" in said
    recipe = read_as([str(file)], open_subject("resnet20_cifar")).recipe
    assert recipe is not None and read_recipe(out) == recipe
    assert recipe_text(recipe, f"{file}, read for resnet20_cifar") == out.read_text()
    file.write_text(f"{SCRIPT} --lerner channel")
    assert_refused(run_here(*words, "--like", "pocketflow"), "did you mean learner")


@pytest.mark.slow
def test_a_training_under_a_command_leaves_a_narrower_network(tmp_path: Path) -> None:
    file, out = tmp_path / "run.sh", tmp_path / "run"
    ratio = "--cp_prune_option uniform --cp_uniform_preserve_ratio 0.5 --enbl_dst"
    file.write_text(command("channel", f"{ratio} --cp_nb_batches 1 --batch_size 20"))
    images = small_cifar(tmp_path / "cifar.npz")
    words = ("--dataset", "cifar10", "--path", images, "--epochs", 2, "--batch-size", 20)
    said = well(
        run_here("main.py", "--arch", "resnet20_cifar", "--out", out, "--compress", file, *words)
    )
    assert f"{file}:1: --enbl_dst: translated" in said
    left = load_spec(str(out / "spec.json")).build()
    assert len(weight_of(left, LAYER)) == 8 and len(weight_of(left, "stem.conv")) == 8
