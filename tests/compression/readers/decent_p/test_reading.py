"""Configurations of Xilinx' pruner become the file of our four steps, which then prunes."""

from pathlib import Path

import pytest
import torch
import yaml

from compression.channels.cut import noise, removed
from compression.importance import L1
from compression.importance.base import Scores
from compression.pruning.choices import BySensitivity
from compression.pruning.config import Pruning
from compression.pruning.goals import AccuracyGoal, MacsGoal
from compression.pruning.widths_file import Widths
from compression.readers import decent_p, guess
from compression.readers.names import channels_of
from compression.readers.reading import Reading
from compression.selectors import Where
from compression.sensitivity import SHARES
from compression.widths import Sizes, by_sensitivity, chosen_of, ranked
from proxyless_nas import macs_of
from proxyless_nas.files import read_json
from proxyless_nas.language.structs import read_yaml
from proxyless_nas.subject import Subject, open_subject
from tests.commands.helpers import assert_refused, run_here, well
from tests.compression.analysis.commands import small_cifar
from tests.compression.readers.running import SHAPE, network_of, subject

CONFIG = """\
workspace: "runs/small"   # everything lies here
gpu: "0,1"
test_iter: 5
acc_name: "top1"
model: 'float.prototxt'  weights: "float.caffemodel"
solver: "solver.prototxt"
rate: 0.3
pruner {
  method: REGULAR
  exclude { layer_top: "layer1.0.conv1" layer_top: 'blocks.8.first.conv' }
}
ssd_ap_version: "11point"
"""
KEPT = {"blocks.0.first.conv", "blocks.8.first.conv"}
DARKNET = """\
# own example
[pruning]
workspace=runs/dark
datacfg=own.data
modelcfg=own.cfg
prunedcfg=pruned.cfg
ana_out_file=ana.txt
prune_out_weights=pruned.weights
criteria=0
kernel_batch=4
ignore_layer=80,81
yolov3=1
threshold=0.005
"""


def read(text: str, other: Subject | None = None) -> Reading:
    return decent_p.read(text, "own.prototxt", other or open_subject("resnet20_cifar"), 0)


def pruning_of(text: str, other: Subject | None = None) -> Pruning:
    found = read(text, other).pruning
    assert found is not None
    return found


def test_a_configuration_becomes_the_file_of_the_four_steps() -> None:
    found = pruning_of(CONFIG)
    assert (found.out, found.train.arch, found.judged_on) == ("runs/small", "resnet20_cifar", 320)
    assert found.goal == MacsGoal(share=0.7) and found.choose == BySensitivity()
    assert found.score == L1(tensors="first")
    assert found.where == Where(exclude=("blocks.0.first.conv", "blocks.8.first.conv"))
    assert read(CONFIG).recipe is None
    least = pruning_of("workspace: 'here' rate: 0.5")
    assert least == Pruning(
        out="here", train=least.train, goal=MacsGoal(share=0.5), choose=BySensitivity(),
        score=L1(tensors="first"),
    )  # fmt: skip


def test_every_key_has_a_note_with_its_line() -> None:
    notes = read(CONFIG).notes
    assert [(note.place.line, note.what, note.verdict) for note in notes] == [
        (1, "workspace", "translated"), (2, "gpu", "differs"), (3, "test_iter", "differs"),
        (4, "acc_name", "cannot be"), (5, "model", "cannot be"), (5, "weights", "cannot be"),
        (6, "solver", "cannot be"), (7, "rate", "translated"), (8, "pruner", "differs"),
        (10, "exclude layer1.0.conv1", "translated"),
        (10, "exclude blocks.8.first.conv", "translated"), (12, "ssd_ap_version", "cannot be"),
    ]  # fmt: skip
    assert "CUDA_VISIBLE_DEVICES=0,1 torchrun --nproc-per-node 2" in notes[1].words
    assert "CUDA_VISIBLE_DEVICES=1 python" in read(CONFIG.replace("0,1", "1")).notes[1].words


def test_a_network_that_was_asked_for_at_another_side_stays_so() -> None:
    train = pruning_of(CONFIG, subject()).train
    assert train.resolution == SHAPE.height and train.num_classes is None
    assert pruning_of(CONFIG).train.resolution is None


def test_a_section_of_darknet_becomes_the_file_too() -> None:
    found = pruning_of(DARKNET)
    assert found.goal == AccuracyGoal(drop=0.005) and found.multiple == 4
    assert found.out == "runs/dark"
    notes = read(DARKNET).notes
    assert [note.place.line for note in notes] == list(range(3, 14))
    assert pruning_of("[pruning]\nworkspace=a\nthreshold=.1\n").multiple == 2


@pytest.mark.parametrize(
    "text, message",
    [
        (CONFIG.replace("rate", "rates"), r":7: .*no rates \(did you mean rate\?\)"),
        (CONFIG.replace("rate: 0.3", ""), ":1: a configuration of decent_p needs rate"),
        (CONFIG.replace("0.3", "1.5"), ":7: rate: .*< 1"),
        (CONFIG.replace("0.3", '"0.3"'), ":7: rate: .*float"),
        (CONFIG.replace("REGULAR", "REGULR"), ":8: pruner: .*|:9: method: .*"),
        (CONFIG.replace("method", "metod"), ":9: pruner takes no metod .*method"),
        (CONFIG.replace("layer_top:", "layer_to:"), ":10: exclude takes no layer_to .*layer_top"),
        (
            CONFIG.replace("layer1.0.conv1", "layer1.7.conv1"),
            r":10: resnet20_cifar has no layer layer1\.7\.conv1 with a weight \(near: layer1",
        ),
        (CONFIG.replace('layer1.0.conv1"', 'blocks"'), ":10: .*no layer blocks with a weight"),
        (CONFIG.replace('"layer1.0.conv1"', "3"), ":10: layer_top: "),
        (CONFIG.replace("pruner {", "pruner: 3 other {"), ":8: .*takes no other"),
        (CONFIG + "pruner { }", r":8: pruner: one block in braces"),
        (CONFIG + "workspace: 'again'", ":1: workspace: .*array"),
        (CONFIG.replace("test_iter: 5", "test_iter: 0"), ":3: test_iter: .*>= 1"),
        (DARKNET.replace("threshold", "treshold"), r":13: \[pruning\] takes no treshold .*thresh"),
        (DARKNET.replace("=0.005", "=much"), ":13: threshold: .*float"),
        (DARKNET.replace("criteria=0", "criteria"), r":9: \[pruning\] holds lines key=value"),
        (DARKNET.replace("yolov3", "workspace"), ":12: workspace: it stands at line 3 already"),
        ("a=1\n[pruning]\n", r":1: \[pruning\] holds lines"),
    ],
)
def test_what_is_wrong_is_refused_with_its_line(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=rf"^own\.prototxt(?:{message})"):
        read(text)


@pytest.mark.parametrize("text", [CONFIG, DARKNET, 'workspace: "a" gpu: "0" rate: 0.2'])
def test_the_dialect_is_guessed(text: str) -> None:
    assert guess(text, "file") == "decent_p"


def test_the_command_writes_a_file_that_the_four_steps_read(tmp_path: Path) -> None:
    file, out = tmp_path / "own.prototxt", tmp_path / "prune.yaml"
    file.write_text(CONFIG)
    words = ("-m", "compression", "read", file, "--arch", "resnet20_cifar")
    said = well(run_here(*words, "--out", out))
    assert f"{file}:7: rate: translated: `goal: {{of: macs, share: 0.7}}`" in said
    assert f"python -m compression STEP --config {out}" in said
    assert read_yaml(out, Pruning) == pruning_of(CONFIG)
    assert "goal: {of: macs, share: 0.7}" in well(run_here(*words))
    train = ("main.py", "--arch", "resnet20_cifar", "--compress", file, "--out", tmp_path / "run")
    assert_refused(run_here(*train), "prunes in four steps")
    file.write_text(CONFIG.replace("rate", "rates"))
    assert_refused(run_here(*words), f"{file}:7: ")


def test_it_keeps_what_is_excluded_and_takes_the_rate_from_the_rest() -> None:
    pruning, network = pruning_of(CONFIG, subject()), network_of().eval()
    channels = channels_of(subject()).made_by(set(pruning.where.layers(network)))
    names = {group.name for group in channels.groups}
    assert names == {group.name for group in channels_of(subject()).groups} - KEPT
    scores: Scores = pruning.score.scores(network, channels)
    for group in channels.groups:
        weight = network.get_submodule(group.name).get_parameter("weight").detach()
        torch.testing.assert_close(scores[group.name], weight.abs().flatten(1).sum(1))
    ranking = ranked(scores)
    sizes = Sizes(network, channels, SHAPE, ranking)
    drops = {
        name: [(int(share * width), share) for share in SHARES]
        for name, width in sizes.widths.items()
    }
    assert isinstance(pruning.goal, MacsGoal)
    gone = by_sensitivity(drops, sizes.macs, pruning.goal.share * sizes.macs({}))
    smaller = removed(network, channels, chosen_of(gone, ranking), noise(SHAPE, network))
    assert macs_of(smaller, SHAPE) <= 0.7 * macs_of(network, SHAPE)
    for name in KEPT:
        layer = network.get_submodule(name)
        assert len(smaller.get_submodule(name).get_parameter("weight")) == len(
            layer.get_parameter("weight")
        )


@pytest.mark.slow
def test_the_step_that_prunes_takes_the_file(tmp_path: Path) -> None:
    network, weights = network_of(), tmp_path / "weights.pt"
    torch.save(network.state_dict(), weights)
    file, out = tmp_path / "own.prototxt", tmp_path / "prune.yaml"
    file.write_text(CONFIG.replace("runs/small", str(tmp_path / "work")))
    read_it = ("-m", "compression", "read", file, "--arch", "resnet20_cifar", "--out", out)
    well(run_here(*read_it))
    content = yaml.safe_load(out.read_text())
    images = str(small_cifar(tmp_path / "cifar.npz", train=300))
    content["train"] |= {"weights": str(weights), "dataset": "cifar10", "path": images}
    content |= {"shares": [0.3, 0.6], "judged_on": 64, "seen": 64}
    out.write_text(yaml.safe_dump(content))
    well(run_here("-m", "compression", "prune", "--config", out))
    widths = read_json(tmp_path / "work" / "widths.json", Widths)
    chosen = {one.makers[0]: one.gone for one in widths.groups}
    assert not {name for name in KEPT if chosen.get(name)}
    whole, found = open_subject("resnet20_cifar"), channels_of(open_subject("resnet20_cifar"))
    gone = {name: list(channels) for name, channels in chosen.items()}
    smaller = removed(network, found, gone, noise(whole.input, network))
    assert macs_of(smaller, whole.input) <= 0.7 * macs_of(network, whole.input)
