"""A whole schedule of Distiller's: notes with lines, names, mistakes, and the way to a file."""

from pathlib import Path

import pytest

from compression.readers import guess, read_as
from compression.readers.distiller.pruners import PRUNERS
from compression.readers.writing import recipe_text
from compression.recipe import read_recipe
from compression.schedule import When
from compression.steps import MaskStep, RemoveStep, StructuresStep
from proxyless_nas.subject import open_subject
from tests.commands.helpers import assert_refused, run_here, well
from tests.compression.readers.running import CONV, LAYER, read, recipe_of, schedule
from tests.compression.readers.samples import policy_at, pruned, scheduled

LEVEL = f"SparsityLevelParameterPruner, levels: {{{CONV}: 0.5}}"
WHOLE = f"""\
version: 1
pruners:
  wide:
    class: L1RankedStructureParameterPruner_AGP
    group_type: Filters
    initial_sparsity: 0.1
    final_sparsity: 0.5
    weights: [module.layer2.0.conv2.weight, module.layer2.0.downsample.0.weight,
              module.layer2.1.conv2.weight, module.layer2.2.conv2.weight, {CONV}]
  fine: {{class: AutomatedGradualPruner, initial_sparsity: 0.05, final_sparsity: 0.7,
          weights: [module.layer3.1.conv1.weight]}}
regularizers:
  small: {{class: L1Regularizer, reg_regims: {{module.layer1.0.bn2.weight: 0.007}}}}
lr_schedulers:
  lr: {{class: StepLR, step_size: 50, gamma: 0.1}}
extensions:
  thin: {{class: FilterRemover, thinning_func_str: remove_filters, arch: resnet20_cifar,
          dataset: cifar10}}
policies:
  - pruner: {{instance_name: wide}}
    starting_epoch: 0
    ending_epoch: 30
    frequency: 2
  - extension: {{instance_name: thin}}
    epochs: [30]
  - pruner: {{instance_name: fine}}
    starting_epoch: 30
    ending_epoch: 50
    frequency: 2
  - regularizer: {{instance_name: small}}
    starting_epoch: 0
    ending_epoch: 10
    frequency: 1
  - lr_scheduler: {{instance_name: lr}}
    starting_epoch: 0
    ending_epoch: 400
    frequency: 1
"""


def test_every_component_and_policy_has_a_note_with_its_line() -> None:
    found = read(WHOLE)
    assert [(note.place.line, note.what.split()[0]) for note in found.notes] == [
        (4, "wide"), (10, "fine"), (13, "small"), (15, "lr"), (17, "thin"),
        (20, "policy"), (24, "policy"), (26, "policy"), (30, "policy"), (34, "policy"),
    ]  # fmt: skip
    verdicts = [note.verdict for note in found.notes]
    assert verdicts.count("differs") == 2 and "cannot be" not in verdicts
    assert found.notes[5].verdict == "differs" and "chosen by the first" in found.notes[5].words


def test_what_is_written_is_what_was_read(tmp_path: Path) -> None:
    recipe = recipe_of(WHOLE)
    file = tmp_path / "recipe.yaml"
    file.write_text(recipe_text(recipe, "a heading\nof two lines"))
    assert read_recipe(file) == recipe
    assert file.read_text().startswith("# a heading\n# of two lines\nsteps:\n")


def test_layers_that_leave_together_are_led_by_the_first_only_where_they_leave() -> None:
    steps = [one for one in recipe_of(WHOLE).steps if isinstance(one, StructuresStep)]
    assert [one.leader for one in steps] == [None, "blocks.3.second.conv"]
    assert steps[0].where.name == LAYER and len(steps[1].where.name) == 4
    removal = next(one for one in recipe_of(WHOLE).steps if isinstance(one, RemoveStep))
    assert removal == RemoveStep(which="made", when=When(begin=30, end=31))
    without = WHOLE.replace("  - extension: {instance_name: thin}\n    epochs: [30]\n", "")
    alone = [one for one in recipe_of(without).steps if isinstance(one, StructuresStep)]
    assert [one.leader for one in alone] == [None]


@pytest.mark.parametrize(
    "name", ["module.layer1.0.conv1.weight", "layer1.0.conv1.weight", f"{LAYER}.weight"]
)
def test_names_are_those_of_a_parallel_network_or_a_plain_one_or_ours(name: str) -> None:
    (step,) = recipe_of(schedule("pruners", LEVEL.replace(CONV, name))).steps
    assert isinstance(step, MaskStep) and step.where.name == LAYER


def test_what_is_masked_already_in_another_way_is_left_out_and_named() -> None:
    text = schedule("pruners", LEVEL).replace(
        "policies:\n", f"  two: {{class: SensitivityPruner, sensitivities: {{{CONV}: 0.5, "
        "fc.weight: 0.5}}\npolicies:\n"
    ) + "  - {pruner: {instance_name: two}, epochs: [1]}\n"  # fmt: skip
    found = read(text)
    assert found.recipe is not None
    notes = [note for note in found.notes if note.verdict == "cannot be"]
    assert [note.place.line for note in notes] == [7] and CONV[7:] in notes[0].words
    assert [step.where.name for step in found.recipe.steps if isinstance(step, MaskStep)] == [
        LAYER, "classifier.linear"
    ]  # fmt: skip


def test_a_training_that_goes_on_is_read_from_where_it_goes_on() -> None:
    times = "starting_epoch: 180, ending_epoch: 210, frequency: 2"
    text = schedule("pruners", LEVEL, times=times)
    found = read(text, learnt=180).recipe
    assert found is not None and found.steps[0].when == When(begin=0, end=30, every=2)
    assert read(text, learnt=210).recipe is None
    with pytest.raises(ValueError, match=r"schedule\.yaml:5: .*cannot be entered half way"):
        read(text, learnt=190)


@pytest.mark.parametrize(
    "args, below, words",
    [
        ("", "zero", "epochs 0 to 1"),
        ("mask_on_forward_only: true", "from-zero", "what it was last"),
        ("mask_on_forward_only: true, keep_mask: true", "from-zero", "epochs 0 to 1"),
        ("mask_on_forward_only: true, use_double_copies: true", "learns", "what it was last"),
        (
            "mask_on_forward_only: true, use_double_copies: true, mask_gradients: true",
            "waits",
            "what it was last",
        ),
        ("skip_first_minibatch: true", "zero", "there before the second"),
    ],
)
def test_what_a_policy_says_of_masked_weights(args: str, below: str, words: str) -> None:
    found = read(schedule("pruners", LEVEL, args))
    assert found.recipe is not None
    (step,) = found.recipe.steps
    assert isinstance(step, MaskStep) and step.below == below
    assert found.notes[-1].words.endswith(words)


SMALL = "starting_epoch: 0, ending_epoch: 2, frequency: 1"


@pytest.mark.parametrize(
    "text, message",
    [
        (schedule("pruners", "SensitivtyPruner"), r":3: .*did you mean SensitivityPruner"),
        (schedule("lr_schedulers", "StepLr"), r":3: .*did you mean StepLR"),
        (schedule("pruners", "SensitivityPruner, sensitivity: {}"), r":3: .*mean sensitivities"),
        (schedule("pruners", "SensitivityPruner"), r":3: .*needs sensitivities"),
        (schedule("pruners", LEVEL, "keep_masks: true"), r":5: .*did you mean keep_mask"),
        (schedule("pruners", LEVEL.replace("0.5", "much")), r":3: levels: .*float"),
        (
            schedule("pruners", LEVEL.replace("layer1.0", "layer1.7")),
            r":3: resnet20_cifar has no parameter module\.layer1\.7\.conv1\.weight \(near: layer1",
        ),
        (schedule("pruners", LEVEL, times="epochs: [3, 1]"), ":5: epochs: a list of epochs"),
        (schedule("pruners", LEVEL, times="starting_epoch: 0, ending_epoch: 2"), ":5: .*or all of"),
        (schedule("pruners", LEVEL, times=SMALL.replace("y: 1", "y: 3")), ":5: epochs from 0 to 2"),
        (schedule("pruners", LEVEL).replace("e: one", "e: ones"), ":5: .*no ones .*mean one"),
        (schedule("pruners", LEVEL).replace("pruner:", "prune:"), ":5: .*no prune .*mean"),
        (schedule("pruners", LEVEL).replace("version", "versions"), ":1: .*did you mean version"),
        (schedule("pruners", LEVEL, "mask_gradients: true"), ":5: .*goes with mask_on_forw"),
        (schedule("pruners", "MagnitudeParameterPruner, thresholds: {}"), r":3: .*one for '\*'"),
        ("pruners: {one: !!python/name:os.system }\n", ":1: .*no code is run"),
        ("policies: [\n", "no YAML"),
        (policy_at("instance_name: [low]"), ":4: pruner.instance_name: the name of one"),
        (policy_at("args: {}"), ":4: pruner.instance_name: the name of one"),
        (policy_at(times="starting_epoch: [0], ending_epoch: 2, frequency: 1"),
         ":4: starting_epoch: a whole number"),
        (policy_at(times=f"starting_epoch: 0, ending_epoch: {'9' * 23}, frequency: 1"),
         ":4: ending_epoch: a policy reaches up to epoch 100,000"),
        (policy_at(times="epochs: [0, 100001]"), ":4: epochs: a policy reaches up to"),
        (scheduled("MultiStepLR,\n     milestones: [20, 10]"), ":4: one: .*do not rise"),
        (scheduled("StepLR, step_size: 0"), ":3: step_size: .*>= 1"),
        (pruned("initial_sparsity: 0.1, final_sparsity: 1.5"), ":3: final_sparsity: .*<= 1"),
        (schedule("pruners", LEVEL.replace("0.5", ".inf")), ":3: levels: a number is finite"),
        (schedule("pruners", f"SplicingPruner, low_thresh_mult: 2, hi_thresh_mult: 1, "
                  f"sensitivities: {{{CONV}: 0.5}}"), ":3: low_thresh_mult: 2 does not lie"),
        ("quantizers:\n  a: {class: DorefaQuantizer, bits_weights: 4}\n  b: {class: WRPNQuantizer, "
         "bits_weights: 4}\n", ":3: a schedule has one quantizer"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_with_its_line(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=rf"^schedule\.yaml.*{message}"):
        read(text)


@pytest.mark.parametrize(
    "args, message",
    [
        ("initial_sparsity: 0.5, final_sparsity: 0.5", "is not above initial_sparsity"),
        ("initial_sparsity: 0.1, final_sparsity: 0.5, noise: 0.1", "noise"),
    ],
)
def test_a_ramp_that_does_not_rise_is_refused(args: str, message: str) -> None:
    kind = f"L1RankedStructureParameterPruner_AGP, group_type: Filters, weights: [{CONV}]"
    with pytest.raises(ValueError, match=rf"^schedule\.yaml:3: .*{message}"):
        read(schedule("pruners", f"{kind}, {args}"))
    with pytest.raises(ValueError, match=r"^schedule\.yaml:5: automated gradual pruning needs"):
        rising = f"{kind}, initial_sparsity: 0.1, final_sparsity: 0.5"
        read(schedule("pruners", rising, times="epochs: [1]"))


def test_what_distiller_has_and_cannot_be_here_is_said() -> None:
    found = read(schedule("pruners", "FMReconstructionChannelPruner, desired_sparsity: 0.5"))
    assert [note.verdict for note in found.notes] == ["cannot be", "cannot be"]
    assert found.recipe is None and "FMReconstructionChannelPruner" not in PRUNERS


def test_the_dialect_is_guessed() -> None:
    assert guess(WHOLE, "file") == "distiller"
    assert guess("quantizers:\n  a: {class: PostTrainLinearQuantizer}\n", "file") == "distiller"
    for text in ("steps: []\n", "policies_of_mine: 3\n", "# pruners: class:\n"):
        with pytest.raises(ValueError, match=r"file is in no dialect .*distiller"):
            guess(text, "file")
    with pytest.raises(FileNotFoundError, match="no file nowhere"):
        read_as(["nowhere"], open_subject("resnet20_cifar"))


def test_the_command_prints_notes_and_writes_the_recipe(tmp_path: Path) -> None:
    file, out = tmp_path / "schedule.yaml", tmp_path / "recipe.yaml"
    file.write_text(WHOLE)
    words = ("-m", "compression", "read", file, "--arch", "resnet20_cifar")
    said = well(run_here(*words, "--like", "distiller", "--out", out))
    assert f"{file}:4: wide (L1RankedStructureParameterPruner_AGP): translated: " in said
    assert f"python main.py --arch resnet20_cifar --compress {out}" in said
    assert read_recipe(out) == recipe_of(WHOLE)
    assert "do: remove" in well(run_here(*words))
    file.write_text("steps: []")
    assert_refused(run_here(*words), "is in no dialect that is known here (distiller")
