"""A search goes on in the space in which it was begun, whatever became of the space's file."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from proxyless_nas import Space, named_space
from proxyless_nas.files import read_json
from proxyless_nas.spaces import LAYOUTS, TREES
from search.kept_space import SPACE, keep_space, kept_space
from search.show import PAGE, ShowConfig, show
from tests.search.running import run, tiny

MINE = """
input: [1, 28, 28]
classes: 10
stem: 8
first: 8
stages: [{width: 8, edges: 2, stride: 2, expansions: [3, 4.5]}]
mix: 16
kernels: [3, 5]
"""


@pytest.mark.parametrize("name", [*LAYOUTS, *TREES, "imagenet-mobile-w0.75-r160"])
def test_a_kept_space_is_the_space(name: str, tmp_path: Path) -> None:
    space = named_space(name)
    keep_space(tmp_path, space)
    keep_space(tmp_path, space)
    assert kept_space(tmp_path, "whatever its name means now") == space


def test_a_search_that_kept_no_space_has_the_one_of_its_name(tmp_path: Path) -> None:
    assert kept_space(tmp_path, "smoke") == named_space("smoke")


@pytest.mark.slow
def test_an_edited_space_is_refused_and_the_search_can_still_be_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, out = tmp_path / "mine.yaml", tmp_path / "run"
    file.write_text(MINE)
    config = replace(tiny("random", out), space=str(file), budget=())
    run(config)
    show(ShowConfig(run=str(out)))
    page = (out / PAGE).read_bytes()
    left = {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()}

    file.write_text(MINE.replace("kernels: [3, 5]", "kernels: [3, 7]"))  # as many candidates
    with pytest.raises(ValueError, match=rf"{file} has changed since .*{SPACE}.*another folder"):
        run(config)
    show(ShowConfig(run=str(out)))
    assert (out / PAGE).read_bytes() == page
    file.unlink()
    show(ShowConfig(run=str(out)))
    assert {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()} == left
    file.write_text(MINE + "# told in other words\n")
    run(config)
    assert capsys.readouterr().out.count("found a network:") == 2
    assert read_json(out / SPACE, Space) == named_space(str(file))
