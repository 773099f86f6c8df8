"""`python -m search front`: the road from run folders to figures, a page and sentences."""

import json
import re
import shutil
from pathlib import Path

import pytest
from msgspec.structs import replace

from latency_tables import LatencyTable
from latency_tables.devices import fingerprint
from latency_tables.measure import measure_space
from latency_tables.protocol import Protocol
from proxyless_nas import NetworkSpec, hand_made, named_space
from proxyless_nas.drawing.words import percent
from proxyless_nas.files import read_json, write_json
from search.config import ProxylessConfig
from search.front import Figures
from search.run import Found
from tests.commands.helpers import assert_refused, run_here, well
from training.config import TrainConfig
from training.evaluate import Evaluation

RECIPE = "--dataset fashion --limit 200 --epochs 1 --warmup-epochs 0 --base-lr 0.2 --threads 1"
FEW = Protocol(burn_in_s=0.1, spread_s=0.0, min_visits=4, max_visits=4)


def spec_of(name: str) -> NetworkSpec:
    """Three networks of the smoke space; what a search found is always called `searched`."""
    space = named_space("smoke")
    options = {"0.1": [0] * len(space.counts), "0.2": [count - 1 for count in space.counts]}
    return space.network(options[name], "searched") if name in options else hand_made("smoke")


def train(folder: Path, spec: NetworkSpec, *more: object) -> None:
    spec.save(str(folder.parent / "spec.json"))
    words = ["main.py", "--arch", folder.parent / "spec.json", "--out", folder, *RECIPE.split()]
    well(run_here(*words, *more))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A search for two budgets, what it found trained; a hand-made network; a table of both."""
    root = tmp_path_factory.mktemp("front")
    for budget in ("0.1", "0.2"):
        folder, spec = root / "search" / budget, spec_of(budget)
        write_json(folder / "config.json", ProxylessConfig(space="smoke", out=str(folder)))
        write_json(folder / "found.json", Found((), (), 0.5, 0.1, "ms", float(budget)))
        train(folder / "trained", spec)
    (root / "hand").mkdir()
    train(root / "hand" / "run", spec_of("hand"), "--seed", 1)
    extra = [(block, shape) for _, block, shape in spec_of("hand").placed()]
    path = root / "table.json"
    table = measure_space(named_space("smoke"), path, protocol=FEW, extra=extra, show=False)
    calm = replace(table, head=replace(table.head, contended=False, reason=None))
    calm.save(path)
    return root


def draw(root: Path, *more: object) -> list[object]:
    return ["-m", "search", "front", root / "search", "--beside", root / "hand" / "run",
            "--table", root / "table.json", "--visits", 4, *more]  # fmt: skip


def test_from_run_folders_to_figures_page_and_sentences(trained: Path, tmp_path: Path) -> None:
    said = well(run_here(*draw(trained, "--out", tmp_path)))
    figures = read_json(tmp_path / "front.json", Figures)
    assert [each.name for each in figures.networks] == [
        "searched 0.1",
        "searched 0.2",
        "hand-made-1",
    ]
    assert [each.family for each in figures.networks] == ["searched", "searched", "beside"]
    page = (tmp_path / "front.html").read_text()
    for each in figures.networks:
        score = read_json(Path(each.folder) / "result.json", Evaluation)
        assert each.score == score and each.measured.visits > 0
        assert each.predicted_ms is not None and each.measured.p10_ms > 0
        for place in (said, page):
            assert each.name in place and percent(score.top1, 2) in place
    assert "Not trained alike" not in said, "seeds may differ"
    assert sum(line.startswith("searched ") and " (" in line for line in said.split("\n")) == 2
    table = LatencyTable.load(trained / "table.json").head.identity
    assert (figures.manner.protocol, figures.manner.runtime) == (table.protocol, table.runtime)


def test_a_measurement_is_used_again_as_long_as_it_fits(trained: Path, tmp_path: Path) -> None:
    def seen(*more: object) -> list[float]:
        well(run_here(*draw(trained, "--out", tmp_path, *more)))
        figures = json.loads((tmp_path / "front.json").read_text())
        return [each["measured"]["p10_ms"] for each in figures["networks"]]

    first = seen()
    assert seen() == first
    assert seen("--visits", 5) != first, "another manner"
    second = seen()
    assert seen("--measure-again") != second
    fewer = ["-m", "search", "front", trained / "search" / "0.2", "--out", tmp_path]
    fewer += ["--table", trained / "table.json", "--visits", 4]
    before = read_json(tmp_path / "front.json", Figures).networks[1].measured
    assert "measured on" in well(run_here(*fewer))
    (left,) = read_json(tmp_path / "front.json", Figures).networks
    assert left.measured == before and left.name == "searched"
    assert "measured on" not in well(run_here(*draw(trained, "--out", tmp_path)))


def test_what_a_table_cannot_price_is_told_and_not_made_up(trained: Path, tmp_path: Path) -> None:
    wide, table = tmp_path / "wide", LatencyTable.load(trained / "table.json")
    shutil.copytree(trained / "hand" / "run", wide)
    hand_made("smoke", 2.0).save(str(wide / "spec.json"))
    table.save(tmp_path / "table.json")
    words = ["-m", "search", "front", trained / "search" / "0.1", "--beside", wide]
    words += ["--out", tmp_path, "--table", tmp_path / "table.json", "--visits", 4]
    said = well(run_here(*words))
    assert "Nothing is predicted of hand-made-2" in said and "latency_tables measure" in said
    figures = read_json(tmp_path / "front.json", Figures)
    assert figures.networks[1].predicted_ms is None


def test_unlike_scores_are_refused_and_unlike_recipes_told(trained: Path, tmp_path: Path) -> None:
    run = trained / "hand" / "run"

    def copy(name: str, config: dict[str, object], images: int = 200) -> Path:
        other = tmp_path / name
        shutil.copytree(run, other)
        changed = replace(read_json(run / "config.json", TrainConfig), **config)
        write_json(other / "config.json", changed)
        write_json(other / "result.json", Evaluation(0.5, 0.9, 1.0, images))
        return other

    words = ["-m", "search", "front", run, "--out", tmp_path / "out", "--beside"]
    for other, said in (
        (copy("fewer", {}, 100), "100 test images of fashion"),
        (copy("data", {"dataset": "cifar10"}), "200 test images of cifar10"),
        (copy("held", {"held_out": 200}), "200 held-out training images of fashion"),
    ):
        assert_refused(run_here(*words, other), str(run), str(other), said, "cannot be compared")
    assert_refused(run_here(*words, run), str(run), "named twice")
    assert not (tmp_path / "out").exists()
    longer = copy("longer", {"epochs": 9, "seed": 3, "threads": 2})
    table = ["--table", trained / "table.json", "--visits", 4]
    told = [line for line in well(run_here(*words, longer, *table)).split("\n") if "alike" in line]
    (note,) = told
    assert re.fullmatch(
        r"note: Not trained alike: --epochs is 1 for .*/run; 9 for .*/longer\.", note
    )


def test_a_missing_run_is_told_with_the_command_that_makes_it(
    trained: Path, tmp_path: Path
) -> None:
    words = ["-m", "search", "front", "--out", tmp_path / "out"]
    assert_refused(run_here(*words), "no folder is named")
    assert_refused(run_here(*words, tmp_path), str(tmp_path), "python main.py --arch SPEC.json")
    search = tmp_path / "search"
    shutil.copytree(trained / "search", search)
    last = search / "0.2"
    (last / "trained" / "result.json").unlink()
    assert_refused(run_here(*words, search), f"python main.py --from {last}/trained/config.json")
    shutil.rmtree(last / "trained")
    train_it = f"python main.py --arch {last}/spec.json --out {last}/trained"
    assert_refused(run_here(*words, search), f"{last} has no result.json", train_it)
    (last / "found.json").unlink()
    assert_refused(run_here(*words, search), "has not ended", train_it)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "front.json").write_text("{}")
    spoiled = run_here(*words, trained / "hand" / "run")
    assert_refused(spoiled, "front.json is not a valid Figures")


def test_a_table_of_another_device_does_not_measure_here(trained: Path, tmp_path: Path) -> None:
    table = LatencyTable.load(trained / "table.json")
    device = replace(fingerprint(), family="another")
    identity = replace(table.head.identity, device=device)
    path = tmp_path / "table.json"
    replace(table, head=replace(table.head, identity=identity)).save(path)
    words = ["-m", "search", "front", trained / "hand" / "run", "--out", tmp_path / "out"]
    assert_refused(run_here(*words, "--table", path), "another kind of device", "without --table")
    assert_refused(run_here(*words, "--device", "rpc://host:1/key"), "it needs --table")
    assert_refused(run_here(*words, "--visits", 3), "visits 3..3")
    assert not (tmp_path / "out").exists()
