"""A whole story on one command line: order counts, all is read first, mistakes name their place."""

from pathlib import Path

import pytest

from proxyless_nas.files import read_json
from proxyless_nas.language import Config
from search.auto.report import Report
from search.verbs.acts import flags_of
from search.verbs.run import RunConfig, run
from tests.commands.helpers import run_here, well
from training.config import TrainConfig
from training.evaluate import Evaluation

FILES = ("datasets/fashion.yaml", "models/lenet5.yaml", "trainers/lenet5.yaml")
SMALL = ("train.limit=1000", "train.epochs=1", "train.threads=1", "search.limit=100",
         "search.tries=1", "search.reconstruct=5", "search.goal=bytes=0.3x")  # fmt: skip


@pytest.mark.slow
def test_train_eval_and_search(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [*FILES, *SMALL, f"run.out={tmp_path}", "train", "eval", "search", "export"]
    said = well(run_here("-m", "compression", "run", *words))
    assert "test images of Fashion-MNIST" in said and "every cost is met" in said
    report = read_json(tmp_path / "search" / "report.json", Report)
    assert report.costs["bytes"][1] <= 0.3 * report.costs["bytes"][0]
    trained = read_json(tmp_path / "train" / "result.json", Evaluation)
    assert trained.images == 1000
    exported = Config().with_file(tmp_path / "export.yaml")
    assert exported.get("train.epochs") == 1 and exported.get("model.name") == "lenet5"


def test_verbs_act_on_what_was_said_until_then(capsys: pytest.CaptureFixture[str]) -> None:
    run(RunConfig(words=("models/lenet5.yaml", "info", "dataset.task.num_classes=7", "info")))
    said = capsys.readouterr().out
    assert "10 classes" in said and said.index("10 classes") < said.index("7 classes")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("models/lenet5.yaml",), "nothing is to be done: end with a verb"),
        (("models/lenet5.yaml", "infoo"), r"no verb \(did you mean info\?\)"),
        (("models/lenet6.yaml", "info"), r"did you mean models/lenet5.yaml\?"),
        (("info",), "no network is described"),
        (("models/lenet5.yaml", "model.layers.conv0.kernel_size=99", "info"), "conv0"),
    ],
)
def test_mistakes(words: tuple[str, ...], complaint: str) -> None:
    with pytest.raises((ValueError, FileNotFoundError), match=complaint):
        run(RunConfig(words=words))


def test_a_goal_that_is_missing_is_asked_for(tmp_path: Path) -> None:
    words = (*FILES[:2], "train.limit=10", f"run.out={tmp_path}", "train", "search")
    with pytest.raises(ValueError, match=r"search\.goal is missing: say"):
        run(RunConfig(words=words))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("later", "complaint"),
    [
        (("evall",), r"did you mean eval\?"),
        (("search.gaol=1", "search"), r"search.gaol: no such flag \(did you mean goal\?\)"),
        (("search.goal=bites=0.5x", "search"), r"no goal 'bites' \(did you mean bytes\?\)"),
        (("search.goal=bytes=0.5x", "search.tries=no", "search"), "search.tries: Expected `int`"),
    ],
)
def test_nothing_is_done_where_a_later_word_is_wrong(
    tmp_path: Path, later: tuple[str, ...], complaint: str
) -> None:
    words = (*FILES, f"run.out={tmp_path}", "train", "eval", *later)
    with pytest.raises(ValueError, match=complaint):
        run(RunConfig(words=words))
    assert not list(tmp_path.iterdir())


def test_flags_are_those_of_the_command_with_line_and_key() -> None:
    config = Config().with_text("train:\n  epochs: 3\n  no_wd: [norm]", "t.yaml")
    flags = flags_of(config, "train", TrainConfig, {"arch": "x"})
    assert (flags.arch, flags.epochs, flags.no_wd) == ("x", 3, ("norm",))
    for text, complaint in (
        ("train:\n  epoch: 3", r"t.yaml:2: train.epoch: no such flag \(did you mean epochs\?\)"),
        ("train:\n  epochs: many", "t.yaml:2: train.epochs: Expected `int`"),
        ("train: 3", "t.yaml:1: train: a map of flags"),
        ("train: {arch: y}", "t.yaml:1: train.arch: no such flag"),
    ):
        with pytest.raises(ValueError, match=complaint):
            flags_of(Config().with_text(text, "t.yaml"), "train", TrainConfig, {"arch": "x"})
