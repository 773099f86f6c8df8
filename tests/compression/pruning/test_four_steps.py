"""The four steps on real images: what each leaves, what the next needs, which mistakes are told."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
import yaml

from compression.pruning.figures import Figures, table_of
from compression.pruning.transform import Report
from compression.pruning.widths_file import Widths
from compression.sensitivity import Sensitivity
from proxyless_nas import hand_made, load_spec, macs_of, parameters_of
from proxyless_nas.files import read_json
from proxyless_nas.own import make_own
from proxyless_nas.subject import load_its_weights
from proxyless_nas.weights import load_tensors, save_tensors
from tests.commands.helpers import assert_refused, run_here, well
from training.evaluate import Evaluation

TRAIN = {
    "dataset": "fashion", "limit": 1200, "epochs": 1, "batch_size": 50, "base_lr": 0.2,
    "warmup_epochs": 0.0, "threads": 1, "seed": 3, "val_batch_size": 200,
}  # fmt: skip


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network that has learned something."""
    folder = tmp_path_factory.mktemp("trained")
    hand_made("smoke").save(str(folder / "arch.json"))
    flags = [part for key, value in TRAIN.items() for part in (f"--{key.replace('_', '-')}", value)]
    well(run_here("main.py", "--arch", folder / "arch.json", "--out", folder, *flags))
    return folder


def written(trained: Path, folder: Path, **changed: object) -> Path:
    content = {
        "out": str(folder / "out"),
        "train": {
            **TRAIN, "arch": str(trained / "arch.json"), "weights": str(trained / "weights.pt"),
        },
        "goal": {"of": "macs", "share": 0.5},
        "shares": [0.25, 0.5, 0.75],
        "judged_on": 200,
        "seen": 200,
        "spread_s": 0.0,
    }  # fmt: skip
    file = folder / "prune.yaml"
    file.write_text(yaml.safe_dump({**content, **changed}))
    return file


def take(step: str, config: Path) -> str:
    return well(run_here("-m", "compression", step, "--config", config))


@pytest.mark.slow
def test_each_step_leaves_what_the_next_one_needs(trained: Path, tmp_path: Path) -> None:
    config, out = written(trained, tmp_path), tmp_path / "out"
    take("ana", config)
    tried = read_json(out / "sensitivity.json", Sensitivity)
    groups = {one.group for one in tried.tried}
    assert len((out / "sensitivity.csv").read_text().splitlines()) == 1 + 3 * len(groups)

    said = take("prune", config)
    widths = read_json(out / "widths.json", Widths)
    assert {one.makers[0] for one in widths.groups} == groups
    assert "MACs" in said and "untuned" in said

    take("finetune", config)
    said = take("transform", config)
    report = read_json(out / "report.json", Report)
    spec = load_spec(str(out / "spec.json"))
    network = spec.build()
    load_its_weights(network, str(out / "spec.json"))
    assert report.pruned.macs == macs_of(network, spec.input) <= 0.5 * report.whole.macs
    assert report.pruned.parameters == parameters_of(network)
    assert report.untuned.macs == report.pruned.macs
    assert report.pruned.score.top1 > report.untuned.score.top1
    assert report.pruned.latency_ms is not None and report.whole.latency_ms is not None
    assert f"{100 * report.pruned.score.top1:.2f} %" in said

    again = well(run_here("eval.py", "--arch", out / "spec.json", "--limit", 1200))
    assert f"{report.pruned.score.top1:.2%}" in again
    session = onnxruntime.InferenceSession(out / "model.onnx", providers=["CPUExecutionProvider"])
    x = torch.randn(1, 1, 28, 28)
    (answer,) = session.run(None, {"images": x.numpy()})
    torch.testing.assert_close(torch.from_numpy(answer), network.eval()(x).detach(),
                               rtol=1e-3, atol=1e-4)  # fmt: skip

    for name in ("again.onnx", "again.pt2"):
        words = ("--arch", out / "spec.json", "--out", tmp_path / name)
        well(run_here("-m", "compression", "export", *words))
    session = onnxruntime.InferenceSession(
        tmp_path / "again.onnx", providers=["CPUExecutionProvider"]
    )
    (other,) = session.run(None, {"images": x.numpy()})
    np.testing.assert_allclose(np.asarray(other), np.asarray(answer), atol=1e-5)
    program = torch.export.load(tmp_path / "again.pt2").module()
    torch.testing.assert_close(program(x), network(x))

    other = written(trained, tmp_path, goal={"of": "macs", "share": 0.8})
    refused = run_here("-m", "compression", "prune", "--config", other)
    assert_refused(refused, "tunes what an earlier `prune` has left")
    assert read_json(out / "widths.json", Widths) == widths


@pytest.mark.slow
def test_what_the_next_step_needs_is_told(trained: Path, tmp_path: Path) -> None:
    config = written(trained, tmp_path, choose={"by": "lowest-first"})
    for step, missing in (("finetune", "compression prune"), ("transform", "compression prune")):
        assert_refused(run_here("-m", "compression", step, "--config", config), missing)
    take("prune", config)
    refused = run_here("-m", "compression", "transform", "--config", config)
    assert_refused(refused, "compression finetune")

    state = load_tensors(trained / "weights.pt")
    save_tensors(tmp_path / "other.pt", {name: 2 * one for name, one in state.items()})
    train = {**TRAIN, "arch": str(trained / "arch.json"), "weights": str(tmp_path / "other.pt")}
    refused = run_here("-m", "compression", "finetune", "--config",
                       written(trained, tmp_path, train=train))  # fmt: skip
    assert_refused(refused, "made for other weights")
    assert not (tmp_path / "out" / "finetune" / "config.json").exists()


OWN = """
from torch import nn

class Pair(nn.Module):
    def __init__(self, width=12):
        super().__init__()
        self.one, self.two = nn.Conv2d(1, width, 3, 2), nn.Conv2d(width, width, 3, padding=1)
        self.norm, self.head = nn.BatchNorm2d(width), nn.Linear(width, 10)

    def forward(self, x):
        x = self.one(x).relu()
        return self.head((x + self.norm(self.two(x))).mean((2, 3)))

def wide():
    return Pair(32)
"""
OF_ITS_OWN = {"resolution": 28, "num_classes": 10}


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Code of a user's own, where Python finds it."""
    (tmp_path / "mine_to_prune.py").write_text(OWN)
    monkeypatch.syspath_prepend(str(tmp_path))


@pytest.mark.slow
@pytest.mark.usefixtures("own")
def test_a_latency_is_met_as_measured(tmp_path: Path) -> None:
    """Of a network whose time is that of its channels, not that of calling it."""
    train = {**TRAIN, "arch": "mine_to_prune:wide", **OF_ITS_OWN}
    for choose in ({"by": "least-lost", "widths": 3}, {"by": "evenly"}):
        goal = {"of": "latency", "share": 0.8}
        config = written(tmp_path, tmp_path, goal=goal, choose=choose, multiple=8, train=train)
        take("prune", config)
    assert (tmp_path / "out" / "layers.json").exists()
    widths = read_json(tmp_path / "out" / "widths.json", Widths)
    assert any(one.gone for one in widths.groups)


@pytest.mark.slow
@pytest.mark.usefixtures("own")
def test_a_network_of_the_users_own_takes_the_same_road(tmp_path: Path) -> None:
    train = {**TRAIN, "arch": "mine_to_prune:Pair", **OF_ITS_OWN}
    config = written(tmp_path, tmp_path, train=train, choose={"by": "evenly"})
    for step in ("prune", "finetune", "transform"):
        take(step, config)
    report = read_json(tmp_path / "out" / "report.json", Report)
    assert report.pruned.macs <= 0.5 * report.whole.macs
    program = torch.export.load(tmp_path / "out" / "network.pt2").module()
    network = make_own("mine_to_prune:Pair")
    x = torch.randn(3, 1, 28, 28)
    assert program(x).shape == network(x).shape
    state = load_tensors(tmp_path / "out" / "weights.pt")
    assert state["one.weight"].shape[0] == state["head.weight"].shape[1] < 12


def test_mistakes_on_the_command_line_are_told(trained: Path, tmp_path: Path) -> None:
    words = ("-m", "compression", "export", "--arch", trained / "arch.json", "--out", "x.txt")
    assert_refused(run_here(*words), ".onnx or .pt2")
    assert_refused(run_here("-m", "compression", "ana"), "--config")
    assert_refused(run_here("-m", "compression", "anna"), "did you mean ana")
    refused = run_here("-m", "compression", "prune", "--config", tmp_path / "none.yaml")
    assert_refused(refused, "no file")
    config = written(trained, tmp_path, where={"name": "nothing.*"})
    assert_refused(run_here("-m", "compression", "prune", "--config", config), "nothing.*")
    config = written(trained, tmp_path, goal={"of": "macs", "share": 0.001},
                     choose={"by": "evenly"})  # fmt: skip
    assert_refused(run_here("-m", "compression", "prune", "--config", config), "cannot be met")
    assert not (tmp_path / "out" / "widths.json").exists()


def test_the_table_shows_what_changed() -> None:
    before = Figures("whole", Evaluation(0.9, 1.0, 0.3, 10), 200, 100, 100, 2.0)
    after = Figures("pruned", Evaluation(0.85, 1.0, 0.4, 10), 100, 40, 30, 1.0)
    lines = [line.split() for line in table_of([before, after]).splitlines()]
    assert ["top-1", "90.00", "%", "85.00", "%", "-5.00", "points"] in lines
    assert ["MACs", "200", "100", "0.500"] in lines
    assert ["bytes", "as", "float32", "400", "160", "0.400"] in lines
    assert ["...", "not", "zero", "100", "30", "0.300"] in lines
    assert ["measured", "latency", "2.0000", "ms", "1.0000", "ms", "0.500"] in lines
