"""`python -m search`: every preset ends with a network that meets its budget, and shows its way."""

import json
from pathlib import Path

import pytest
import torch

from latency_tables import LatencyTable, TableLatency
from latency_tables.cost import PeakActivation
from proxyless_nas import load_network, load_spec, named_space
from proxyless_nas.weights import load_tensors
from tests.commands.helpers import assert_refused, records, run_here, well
from tests.commands.test_resume import middle_of
from tests.launch import LAUNCHERS, Launcher, launch

SHORT = "--space smoke --limit 1200 --held-out 300 --batch-size 100 --threads 1"
PRESETS = {
    "proxyless": "--epochs 2 --warmup-epochs 1 --arch-every 1",
    "proxyless --paths all --keep inputs": "--epochs 2 --warmup-epochs 1 --arch-every 1",
    "proxyless-r": "--epochs 2 --warmup-epochs 1 --arch-every 3 --networks 4",
    "evolution": "--epochs 1 --generations 3 --networks 6 --judged-on 100",
    "random": "--epochs 1 --networks 6 --judged-on 100",
}


@pytest.mark.slow
@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_meets_its_budget(preset: str, table: Path, tmp_path: Path) -> None:
    out, budget = tmp_path / "run", middle_of(table)
    words = ["-m", "search", *preset.split(), *SHORT.split(), *PRESETS[preset].split()]
    words += ["--tolerance", "0.1"]  # the space holds 400 networks
    said = well(run_here(*words, "--table", table, "--budget", budget, "--out", out))
    found = json.loads((out / "found.json").read_text())
    spec = load_spec(str(out / "spec.json"))
    priced = TableLatency(LatencyTable.load(table)).network(spec)
    assert 0.9 * budget <= found["predicted"] <= budget
    assert priced == pytest.approx(found["predicted"])
    assert f"{found['valid_accuracy']:.2%} of the held-out images" in said
    network = load_network(str(out / "spec.json"))
    assert all(torch.isfinite(value).all() for value in network.state_dict().values())
    log, tries = records(out / "log.jsonl"), records(out / "tries.jsonl")
    assert log[-1]["options"] == found["options"] and log[-1]["valid_accuracy"] is not None
    assert len(log[-1]["probabilities"]) == len(named_space("smoke").counts)
    assert tries and all(0 <= one["accuracy"] <= 1 and one["cost"] > 0 for one in tries)
    shown = well(run_here("-m", "search", "show", out))
    assert f"{len(tries)} networks judged" in shown
    page = (out / "search.html").read_text()
    assert page.startswith("<!doctype html>") and "The derived network over time" in page


@pytest.mark.slow
def test_several_budgets_share_a_warm_up_and_each_is_as_if_alone(
    table: Path, tmp_path: Path
) -> None:
    budgets = [middle_of(table), 0.9 * middle_of(table)]
    words = [
        "-m",
        "search",
        "proxyless",
        *SHORT.split(),
        *PRESETS["proxyless"].split(),
        "--table",
        table,
    ]
    words += ["--tolerance", "0.1"]
    said = well(run_here(*words, "--budget", *budgets, "--out", tmp_path / "both"))
    well(run_here(*words, "--budget", budgets[1], "--out", tmp_path / "alone"))
    assert said.count("found a network:") == 2
    for budget in budgets:
        found = json.loads((tmp_path / "both" / f"{budget:.12g}" / "found.json").read_text())
        assert found["budget"] == budget
    shared, alone = tmp_path / "both" / f"{budgets[1]:.12g}", tmp_path / "alone"
    assert (shared / "found.json").read_bytes() == (alone / "found.json").read_bytes()
    weights = [load_tensors(folder / "weights.pt") for folder in (shared, alone)]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert records(shared / "tries.jsonl") == records(alone / "tries.jsonl")
    logs = [records(folder / "log.jsonl") for folder in (shared, alone)]
    for line in (*logs[0], *logs[1]):  # nobody looked how good the other budget's network was
        if line["phase"] == "warm-up":
            line.pop("valid_accuracy", None)
    assert logs[0] == logs[1]


@pytest.mark.slow
def test_a_search_without_a_budget_needs_no_table(tmp_path: Path) -> None:
    words = ["-m", "search", "proxyless", *SHORT.split(), *PRESETS["proxyless"].split()]
    well(run_here(*words, "--out", tmp_path / "run"))
    found = json.loads((tmp_path / "run" / "found.json").read_text())
    log = records(tmp_path / "run" / "log.jsonl")
    likeliest = [max(row, key=row.get) for row in log[-1]["probabilities"].values()]
    labels = [labels for _, labels in named_space("smoke").decisions]
    assert [names[o] for names, o in zip(labels, found["options"], strict=True)] == likeliest
    assert found["budget"] is None and found["unit"] == ""
    assert "expected" not in well(run_here("-m", "search", "show", tmp_path / "run"))


@pytest.mark.slow
def test_any_cost_can_be_budgeted(tmp_path: Path) -> None:
    budget = 0.9 * named_space("smoke").network([0, 0, 0, 0]).macs
    words = ["-m", "search", "random", *SHORT.split(), *PRESETS["random"].split(), "--cost", "macs"]
    words += ["--tolerance", "0.1"]
    well(run_here(*words, "--budget", budget, "--out", tmp_path / "run"))
    assert 0.9 * budget <= load_spec(str(tmp_path / "run" / "spec.json")).macs <= budget


@pytest.mark.slow
def test_widths_can_be_searched(tmp_path: Path) -> None:
    file = tmp_path / "wide.yaml"
    file.write_text(
        "{input: [1, 28, 28], classes: 10, stem: 8, first: 8, mix: 32, kernels: [3, 5],"
        " stages: [{width: [8, 16], edges: 2, stride: 2}, {width: [16, 24], edges: 2, stride: 2}]}"
    )
    space = named_space(str(file))
    budget = 0.7 * space.network(space.first).macs
    words = ["-m", "search", "proxyless", "--space", file, *SHORT.split()[2:]]
    words += [*PRESETS["proxyless"].split(), "--cost", "macs", "--tolerance", "0.1"]
    well(run_here(*words, "--budget", budget, "--out", tmp_path / "run"))
    found = json.loads((tmp_path / "run" / "found.json").read_text())
    spec = load_spec(str(tmp_path / "run" / "spec.json"))
    assert 0.9 * budget <= spec.macs <= budget
    assert spec.macs == pytest.approx(found["predicted"])
    assert spec == space.network(found["options"], "searched")
    assert load_network(str(tmp_path / "run" / "spec.json")) is not None  # its weights fit
    last = records(tmp_path / "run" / "log.jsonl")[-1]["probabilities"]["widths"]
    assert set(last) == {"16-24", "16-16", "8-24", "8-16"} and max(last.values()) > 0.26
    well(run_here("-m", "search", "show", tmp_path / "run"))
    assert "16-24" in (tmp_path / "run" / "search.html").read_text()


@pytest.mark.slow
def test_memory_can_be_limited_beside_a_budget(tmp_path: Path) -> None:
    limit = PeakActivation().network(named_space("smoke").network([0, 4, 0, 0]))
    words = ["-m", "search", "random", *SHORT.split(), *PRESETS["random"].split(), "--cost", "macs"]
    well(run_here(*words, "--peak-memory", limit, "--out", tmp_path / "run"))
    assert PeakActivation().network(load_spec(str(tmp_path / "run" / "spec.json"))) <= limit
    tries = records(tmp_path / "run" / "tries.jsonl")
    assert len({len(one["options"]) for one in tries}) == 1
    assert "6 networks judged" in well(run_here("-m", "search", "show", tmp_path / "run"))
    assert_refused(
        run_here(*words, "--peak-memory", 10, "--out", tmp_path / "none"), "--peak-memory 10 cannot"
    )
    assert not (tmp_path / "none").exists()


@pytest.mark.slow
@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_two_workers_end_with_one_supernet(launcher: Launcher, table: Path, tmp_path: Path) -> None:
    words = ["-m", "search", "proxyless", *SHORT.split(), *PRESETS["proxyless"].split()]
    words += ["--table", table, "--budget", middle_of(table), "--tolerance", "0.1"]
    done = launch(launcher, 2, *words, "--out", tmp_path / "run")
    assert "found a network:" in well(done)
    assert done.stdout.count("found a network:") == 1
    assert (tmp_path / "run" / "found.json").exists()


def test_the_size_of_a_space_is_told_as_json() -> None:
    said = json.loads(well(run_here("-m", "search", "spaces", "imagenet-mobile", "--json")))
    assert (said["blocks"], said["edges"]) == (22, 21)
    assert (said["logits"], said["supernet_weights"]) == (141, 16_034_168)
    assert said["networks"] == 6**6 * 7**15
    assert "cifar-tree" in well(run_here("-m", "search", "spaces"))


def test_mistakes_are_told_in_a_line(tmp_path: Path) -> None:
    run = ["-m", "search", "proxyless", "--space", "smoke", "--out", tmp_path / "run"]
    assert_refused(run_here(*run, "--budget", 1), "--table", "latency_tables measure")
    trees = [*run, "--space", "cifar-tree-small", "--table", "any.json", "--budget", 1]
    assert_refused(run_here(*trees), "consists of trees", "--cost macs")
    measuring = [
        "-m",
        "latency_tables",
        "measure",
        "--space",
        "cifar-tree-small",
        "--out",
        "t.json",
    ]
    assert_refused(
        run_here(*measuring, "--out", tmp_path / "t.json"), "consists of trees", "--cost macs"
    )
    assert_refused(run_here("-m", "search", "spaces", "smok"), "did you mean smoke")
    assert_refused(run_here("-m", "search", "show", tmp_path), "no search in")
    assert_refused(run_here("-m", "search", "evolution", "--space", tmp_path / "no.yaml",
                            "--out", tmp_path / "run"), "no.yaml")  # fmt: skip
    for flags, said in (
        ("--tolerance -1", "--tolerance must lie between"),
        ("--epochs 1", "--warmup-epochs 1.5 leaves nothing of --epochs 1"),
        ("--budget nan --cost macs", "--budget must be above 0"),
        ("--budget 8e5 8e5 --cost macs", "names one twice"),
        ("--limit 300 --held-out 30", "raise --held-out, or lower --batch-size"),
        ("--budget 1 --cost macs", "cannot be met"),
    ):
        assert_refused(run_here(*run, *flags.split()), said)
    assert not (tmp_path / "run").exists()
