"""Every example of a pruning can be read, and says how it is run."""

from pathlib import Path

import pytest

from compression.pruning.config import Pruning
from proxyless_nas.language.structs import read_yaml
from tests.launch import ROOT

FILES = sorted((ROOT / "examples" / "prune").glob("*.yaml"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_it_is_a_config_and_names_itself(file: Path) -> None:
    config = read_yaml(file, Pruning)
    assert Path(config.out).name == file.stem
    assert f"--config {file.relative_to(ROOT)}" in file.read_text()


def test_there_are_some() -> None:
    assert FILES


def test_a_key_that_yaml_takes_for_a_truth_is_told(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("out: x\non: 3\n")
    with pytest.raises(ValueError, match=r"x.yaml:2: the key on means true or false: quote it"):
        read_yaml(tmp_path / "x.yaml", Pruning)
