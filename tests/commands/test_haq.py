"""`python -m search haq`: budgets met by every strategy, files, kill and resume, bad input."""

import json
from pathlib import Path

import pytest
import torch
from msgspec.structs import replace
from torch import nn

from compression.recipe import read_recipe
from proxyless_nas.bits import load_policy
from proxyless_nas.counting import layers_of
from proxyless_nas.files import read_json
from proxyless_nas.layer import Shape
from proxyless_nas.weights import save_tensors
from search.journal import Journal
from search.precision.found import FoundBits
from tests.commands.helpers import kill_when, run_here, well
from tests.compression.analysis.commands import SVG, parsed, small_cifar
from tests.training.learning import short_plan

RUNS = ("part", "whole")
STRATEGIES = ("knapsack", "gates", "ddpg", "evolution", "random", "uniform")
SHAPE = Shape(3, 32, 32)


def network() -> nn.Module:
    """Five layers that compute, one of them depthwise, with batch norms."""
    layers: list[nn.Module] = []
    shapes = ((3, 8, 1, 2), (8, 8, 8, 2), (8, 16, 1, 1), (16, 16, 1, 2))
    for before, after, groups, stride in shapes:
        conv = nn.Conv2d(before, after, 3, stride, 1, groups=groups, bias=False)
        layers += [conv, nn.BatchNorm2d(after), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10))


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The network with some weights, and images."""
    folder = tmp_path_factory.mktemp("given")
    torch.manual_seed(0)
    made = network()
    for part in made.modules():
        if isinstance(part, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(part.weight)
    save_tensors(folder / "weights.pt", made.state_dict())
    data = small_cifar(folder / "cifar.npz", train=60, test=20)
    arch = "tests.commands.test_haq:network"
    flags = f"--arch {arch} --resolution 32 --num-classes 10 --dataset cifar10 --limit 40".split()
    few = "--weight-bits 8 4 2 --activation-bits 8 4 2 --calibrated-on 20 --step-images 10"
    return [
        "-m", "search", "haq", *flags, *few.split(), "--weights", str(folder / "weights.pt"),
        "--path", str(data),
    ]  # fmt: skip


def found(folder: Path) -> dict[str, FoundBits]:
    return {
        one.parent.name: read_json(one, FoundBits) for one in sorted(folder.glob("*/found.json"))
    }


@pytest.mark.slow
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy_meets_its_budgets_and_leaves_what_a_training_takes(
    strategy: str, words: list[str], tmp_path: Path
) -> None:
    flags = ["--strategy", strategy, "--share", 0.8, 0.5, "--tolerance", 0.5, "--out", tmp_path]
    most = [] if strategy == "uniform" else ["--evaluations", 30]
    printed = well(run_here(*words, *flags, *most))
    assert strategy in printed and "20 images that chose nothing" in printed
    both = found(tmp_path)
    assert len(both) == 2
    page = parsed((tmp_path / "bits.html").read_text())
    assert len(page.findall(f".//{SVG}svg") or page.findall(".//svg")) >= 2 * (1 + len(both))
    layers = layers_of(network().eval(), SHAPE)
    seen = [(torch.randn(4, 3, 32, 32), torch.zeros(4, dtype=torch.long))]
    for folder, one in both.items():
        assert 0 < one.cost <= one.budget and one.unit == "ms" and one.test.images == 20
        policy = load_policy(tmp_path / folder / "bits.json", layers)
        bits = list(policy.layers.values())
        assert str(bits[0]) == str(bits[-1]) == "w8a8"
        recipe = read_recipe(tmp_path / folder / "tune.yaml", tmp_path)
        whole = network()
        recipe.accompany(whole, SHAPE, short_plan(1, 1), lambda count: seen)
        steps = sum(name.endswith(".step") for name in whole.state_dict())
        assert steps == 2 * len(bits)


@pytest.mark.parametrize(
    ("cost", "unit"), [("energy", "mJ"), ("size", "bytes"), ("bops", "bit operations")]
)
def test_other_costs(cost: str, unit: str, words: list[str], tmp_path: Path) -> None:
    flags = ["--cost", cost, "--share", 0.6, "--out", tmp_path]
    given = words[:]
    if cost == "size":
        place = given.index("--weight-bits")
        del given[place : given.index("--calibrated-on")]
    well(run_here(*given, *flags))
    (one,) = found(tmp_path).values()
    assert one.unit == unit and one.cost <= one.budget
    policy = json.loads(next(tmp_path.glob("*/bits.json")).read_text())["layers"]
    if cost == "size":
        weights = {layer.name: layer.weights for layer in layers_of(network().eval(), SHAPE)}
        kept = sum(weights[name] * bits["weights"] / 8 for name, bits in policy.items())
        assert kept == pytest.approx(one.cost)
        assert {bits["activations"] for bits in policy.values()} == {32}
        tune = next(tmp_path.glob("*/tune.yaml"))
        assert "codebook" in tune.read_text()
        read_recipe(tune, tmp_path)


def test_ends_that_are_fixed_stay_in_float_where_all_inputs_do(
    words: list[str], tmp_path: Path
) -> None:
    place = words.index("--activation-bits")
    given = words[:place] + words[words.index("--calibrated-on") :]
    flags = ["--cost", "size", "--no-search-ends", "--share", 0.6, "--out", tmp_path]
    well(run_here(*given, *flags))
    policy = json.loads(next(tmp_path.glob("*/bits.json")).read_text())["layers"]
    bits = list(policy.values())
    assert bits[0] == bits[-1] == {"weights": 8, "activations": 32}
    recipe = read_recipe(next(tmp_path.glob("*/tune.yaml")), tmp_path)
    recipe.accompany(network(), SHAPE, short_plan(1, 1))


def test_probes_are_judged_once_for_all_budgets(words: list[str], tmp_path: Path) -> None:
    flags = ["--told-by", "probes", "--share", 0.8, 0.5, "--out", tmp_path]
    printed = well(run_here(*words, *flags))
    probed = (tmp_path / "probed.jsonl").read_text().splitlines()
    assert len(probed) == 1 + 3 * 4 and f"{len(probed)} networks judged" in printed


@pytest.mark.slow
def test_a_search_that_was_killed_ends_as_one_that_was_not(
    words: list[str], tmp_path: Path
) -> None:
    flags = [*words, "--strategy", "ddpg", "--evaluations", 40, "--share", 0.5, "--out"]
    well(run_here(*flags, tmp_path / "whole"))
    (name,) = found(tmp_path / "whole")
    journal = tmp_path / "part" / name / "judged.jsonl"
    assert 5 <= kill_when([*flags, tmp_path / "part"], journal, 5) < 40
    well(run_here(*flags, tmp_path / "part"))
    part, all_of_it = (Journal(tmp_path / run / name / "judged.jsonl").lines for run in RUNS)
    assert [replace(line, seconds=0) for line in part] == [
        replace(line, seconds=0) for line in all_of_it
    ]
    one, two = (found(tmp_path / run)[name] for run in ("whole", "part"))
    assert (one.cost, one.searched, one.test) == (two.cost, two.searched, two.test)
    bits = [(tmp_path / run / name / "bits.json").read_bytes() for run in ("whole", "part")]
    assert bits[0] == bits[1]
    written = (tmp_path / "part" / name / "found.json").stat().st_mtime_ns
    well(run_here(*flags, tmp_path / "part", "--share", 0.5, 0.8))
    assert len(found(tmp_path / "part")) == 2, "another budget was added"
    assert (tmp_path / "part" / name / "found.json").stat().st_mtime_ns == written


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        ([], "give --budget, or --share"),
        (["--share", 0.001], "cannot be met: the cheapest choice costs"),
        (["--share", 1.5], "a --share lies above 0"),
        (["--cost", "size", "--hardware", "bitfusion", "--share", 0.5], "leave that out"),
        (["--hardware", "bismo-clod", "--share", 0.5], "bismo-cloud"),
        (["--weight-bits", 4, 8, "--share", 0.5], "from most to fewest"),
        (["--strategy", "uniform", "--evaluations", 5, "--share", 0.5], "leave --evaluations out"),
        (["--limit", 61, "--share", 0.5], "61"),
        (["--evaluations", 0, "--share", 0.5], "--evaluations is 1 or more"),
    ],
)
def test_bad_input_is_refused_and_nothing_is_written(
    flags: list[object], complaint: str, words: list[str], tmp_path: Path
) -> None:
    done = run_here(*words, *flags, "--out", tmp_path / "out")
    assert done.returncode == 2 and complaint in done.stderr
    assert not (tmp_path / "out").exists()


def test_another_question_needs_another_folder(words: list[str], tmp_path: Path) -> None:
    flags = [*words, "--strategy", "uniform", "--share", 0.5, "--out", tmp_path]
    well(run_here(*flags))
    assert "has changed since" in run_here(*flags, "--seed", 1).stderr
    well(run_here(*words, "--strategy", "uniform", "--share", 0.7, "--out", tmp_path))


def test_weights_are_needed(tmp_path: Path) -> None:
    flags = ["-m", "search", "haq", "--arch", "resnet20_cifar", "--share", "0.5", "--out"]
    assert "has learned nothing" in run_here(*flags, tmp_path).stderr
