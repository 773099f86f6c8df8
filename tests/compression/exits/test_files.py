"""What a training leaves can be opened again, scored by a command, and run without our code."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from compression.exits import Leaving, add_exits
from compression.exits.command import ExitsConfig, run_exits
from compression.exits.files import EXITS_FILE, open_exits, write_exits, write_stages
from compression.program import PROGRAM
from proxyless_nas import hand_made
from proxyless_nas.subject import open_subject
from proxyless_nas.weights import save_tensors
from tests.commands.helpers import kill_when, run_here, well
from tests.compression.exits.networks import between, cases, images, places

pytestmark = pytest.mark.slow
STOPPING = """
import sys, torch
*stages, last = [torch.export.load(name).module() for name in sys.argv[3:]]
asked = torch.load(sys.argv[1])
answers = []
for image in asked["x"].split(1):
    values = (image,)
    for number, (stage, threshold) in enumerate(zip(stages, asked["thresholds"])):
        logits, values = stage(values)
        if logits.softmax(1).max() >= threshold:
            break
    else:
        number, logits = len(stages), last(values)
    answers.append((number, logits))
torch.save(answers, sys.argv[2])
assert not {"compression", "proxyless_nas"} & set(sys.modules)
"""


def test_stages_run_elsewhere_and_stop_where_images_leave(tmp_path: Path) -> None:
    network, shape, at = cases()["values that are carried"]
    parted, x = add_exits(network, shape, at).eval(), images(shape, 9)
    with torch.no_grad():
        thresholds = tuple(between(one.softmax(1).amax(1)) for one in parted(x)[:-1])
    files = write_stages(parted, shape, tmp_path)
    torch.save({"x": x, "thresholds": thresholds}, tmp_path / "asked.pt")
    given = (tmp_path / "asked.pt", tmp_path / "answers.pt", *files)
    subprocess.run([sys.executable, "-c", STOPPING, *given], cwd=tmp_path, check=True)
    answers = torch.load(tmp_path / "answers.pt")
    expected = parted.answers(x, Leaving(thresholds=thresholds))
    assert [exit for exit, _ in answers] == expected.exit.tolist()
    assert len(set(expected.exit.tolist())) > 1
    torch.testing.assert_close(torch.cat([logits for _, logits in answers]), expected.logits)


def test_what_was_written_is_opened_again(tmp_path: Path) -> None:
    hand_made("smoke").save(str(tmp_path / "spec.json"))
    subject = open_subject(str(tmp_path / "spec.json"))
    network = add_exits(subject.build(seed=1), subject.input, places("stem", "blocks.0"), seed=1)
    save_tensors(tmp_path / "weights.pt", network.state_dict())
    told = write_exits(network, subject, tmp_path)
    assert f"python -m compression exits {tmp_path}" in told
    (tmp_path / "spec.json").unlink()
    again, known = open_exits(tmp_path)
    assert known == subject
    x = images(subject.input, 5)
    program = torch.export.load(tmp_path / PROGRAM).module()
    with torch.no_grad():
        expected = network.eval()(x)
        torch.testing.assert_close(again(x), expected)
        torch.testing.assert_close(tuple(program(x)), expected)
    (tmp_path / EXITS_FILE).unlink()
    other = add_exits(
        hand_made("smoke").with_classifier(7).build(seed=1), subject.input, again.places
    )
    assert "no description fits what is left of" in write_exits(other, subject, tmp_path)
    with pytest.raises(FileNotFoundError, match=r"no exits\.json in .*do: exits"):
        open_exits(tmp_path)


RECIPE = """
steps:
  - do: exits
    heads:
      - {behind: stem, weight: {curve: linear, start: 0.1, stop: 0.2}}
      - {behind: blocks.0, weight: 0.3, width: 8}
"""


def test_from_a_training_that_was_killed_to_thresholds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text(RECIPE)
    hand_made("smoke").save(str(tmp_path / "spec.json"))

    def words(name: str) -> list[object]:
        flags = (
            "--limit 1000 --held-out 400 --epochs 3 --batch-size 50 --accumulate 2 --ema 0.5 "
            "--threads 1 --checkpoint-seconds 0 --shift 2 --device cpu"
        )
        begun = ["main.py", "--arch", tmp_path / "spec.json", "--out", tmp_path / name]
        return [*begun, *flags.split(), "--compress", file]

    said = well(run_here(*words("whole")))
    assert f"python -m compression exits {tmp_path / 'whole'}" in said
    kill_when(words("broken"), tmp_path / "broken" / "log.jsonl", 2)
    well(run_here(*words("broken")))
    whole, broken = (torch.load(tmp_path / name / "weights.pt") for name in ("whole", "broken"))
    assert whole.keys() == broken.keys()
    assert all(torch.equal(whole[key], broken[key]) for key in whole)

    out, plot = tmp_path / "found.json", tmp_path / "curve.svg"
    usual: dict[str, Any] = {"run": str(tmp_path / "whole"), "limit": 200, "device": "cpu"}
    run_exits(ExitsConfig(**usual, share=0.8, out=str(out), plot=str(plot)))
    chosen = json.loads(out.read_text())
    assert chosen["chosen_on"]["images"] == 400 and chosen["test"]["images"] == 200
    assert chosen["chosen_on"]["macs"] <= 0.8 * chosen["macs_without_exits"]
    printed = capsys.readouterr().out
    assert "chosen on 400 held-out images" in printed and "on 200 test images" in printed
    assert plot.read_text().startswith("<svg")
    (one, other) = chosen["leaving"]["thresholds"]
    run_exits(ExitsConfig(**usual, thresholds=(one, other), out=str(out)))
    given = json.loads(out.read_text())
    assert given["test"] == chosen["test"] and given["chosen_on"] is None
    run_exits(ExitsConfig(**usual, by="entropy", out=str(out)))
    assert json.loads(out.read_text())["test"] is None

    mistakes: tuple[tuple[dict[str, Any], str], ...] = (
        ({"share": 0.5, "lose": 0.1}, "give one of"),
        ({"plot": "a.png"}, r"must end with \.html or \.svg"),
        ({"thresholds": (0.1, 0.2, 0.3)}, "3 thresholds do not fit 2 exits"),
    )
    for wrong, message in mistakes:
        with pytest.raises(ValueError, match=message):
            run_exits(ExitsConfig(**usual, **wrong))
    config = tmp_path / "whole" / "config.json"
    config.write_text(config.read_text().replace('"held_out": 400', '"held_out": null'))
    with pytest.raises(ValueError, match="thresholds are not chosen by test images"):
        run_exits(ExitsConfig(**usual, lose=0.01))
