"""The comparison of pruned networks: the same MACs, and no cell is made twice."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.against_torch_pruning import VersusConfig, keep_widths, main, methods_of
from benchmarks.grown_resnet56 import GrowConfig
from benchmarks.grown_resnet56 import main as grow
from benchmarks.versus.methods import from_widths, ours
from compression.channels.cut import noise
from compression.channels.groups import find_channels
from compression.pruning.widths_file import Narrowed, Widths
from latency_tables.networks import measure_networks
from proxyless_nas import macs_of
from proxyless_nas.files import write_json
from proxyless_nas.published import published_spec
from proxyless_nas.subject import open_subject
from proxyless_nas.weights import load_weights, save_tensors
from tests.latency_tables.helpers import QUICK

SPEC = published_spec("resnet20_cifar")


@pytest.mark.slow
def test_our_methods_leave_the_share_of_macs_that_was_asked_for() -> None:
    network = SPEC.build(seed=0).eval()
    whole = macs_of(network, SPEC.input)
    for method in ours(SPEC.input, 0.5):
        left = macs_of(method.prune(network), SPEC.input) / whole
        assert (0.40 if "x8" in method.name else 0.48) < left <= 0.5, method.name


def test_a_method_that_is_not_there_is_named_with_those_that_are() -> None:
    config = VersusConfig(out="nowhere", methods=("ours", "theirs"))
    with pytest.raises(
        ValueError, match="no method begins with 'theirs'; methods: untouched, ours evenly"
    ):
        methods_of(config, SPEC.input)
    names = [
        method.name for method in methods_of(VersusConfig(out="", methods=("tp",)), SPEC.input)
    ]
    assert names[0] == "untouched" and len(names) > 1 and all("tp" in name for name in names[1:])


def test_widths_that_prune_has_left_are_a_row_and_fit_no_other_weights(tmp_path: Path) -> None:
    network = SPEC.build(seed=0).eval()
    channels = find_channels(network, noise(SPEC.input, network))
    gone = {"stem.conv": [1, 5], "blocks.1.first.conv": [0, 2, 3]}
    widths = Widths.of(open_subject("resnet20_cifar"), network, channels, gone)
    (tmp_path / "mine").mkdir()
    file = tmp_path / "mine" / "widths.json"
    write_json(file, widths)
    (method,) = from_widths(SPEC.input, (str(file),))
    assert method.name == "ours mine"
    left = method.prune(network)
    assert left.get_parameter("blocks.1.first.conv.weight").shape[:2] == (13, 14)
    with pytest.raises(ValueError, match="other weights"):
        method.prune(SPEC.build(seed=1).eval())


def test_a_grown_resnet56_computes_what_the_resnet20_does(tmp_path: Path) -> None:
    small = SPEC.build(seed=0).eval()
    with torch.no_grad():
        for buffer in small.buffers():
            if buffer.is_floating_point():
                buffer.uniform_(0.5, 1.5)
    save_tensors(tmp_path / "small.pt", small.state_dict())
    grow(GrowConfig(weights=str(tmp_path / "small.pt"), out=str(tmp_path / "large.pt")))
    large = published_spec("resnet56_cifar").build(seed=1).eval()
    load_weights(large, tmp_path / "large.pt")
    x = torch.randn(4, 3, 32, 32)
    torch.testing.assert_close(large(x), small(x), rtol=0, atol=1e-4)


@pytest.mark.slow
def test_a_finished_cell_stays_and_a_changed_budget_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = partial(measure_networks, protocol=QUICK)
    monkeypatch.setattr("benchmarks.versus.measuring.measure_networks", quick)
    chance = np.random.default_rng(0)
    arrays = {}
    for part in ("train", "test"):
        arrays[f"x_{part}"] = chance.integers(0, 256, (40, 3, 32, 32), dtype=np.uint8)
        arrays[f"y_{part}"] = np.arange(40) % 10
    np.savez(tmp_path / "cifar.npz", **arrays)
    save_tensors(tmp_path / "weights.pt", SPEC.build(seed=0).state_dict())

    def run(seeds: tuple[int, ...], epochs: int = 1) -> str:
        main(
            VersusConfig(
                out=str(tmp_path / "out"),
                weights=str(tmp_path / "weights.pt"),
                path=str(tmp_path / "cifar.npz"),
                methods=("untouched", "ours evenly x8"),
                seeds=seeds,
                epochs=epochs,
                batch_size=8,
                rounds=1,
                visits=4,
            )
        )
        return capsys.readouterr().out

    assert "seed 0:" not in run(())
    first = run((0,))
    assert first.count("seed 0:") == 2 and "untouched" in first
    files = {file: file.read_bytes() for file in (tmp_path / "out").rglob("*.json")}
    assert len(files) == 1 + 1 + 2 + 2  # config, latency, sizes, cells
    again = run((0,))
    assert "seed 0:" not in again and again == first[first.index("resnet20_cifar to") :]
    assert files == {file: file.read_bytes() for file in (tmp_path / "out").rglob("*.json")}
    with pytest.raises(ValueError, match="what is asked has changed"):
        run((0,), epochs=2)
    file = tmp_path / "mine" / "widths.json"
    file.parent.mkdir()
    for gone in ((1, 5), (2, 3)):
        write_json(file, Widths("resnet20_cifar", "", (Narrowed(("stem.conv",), 16, gone),)))
        if gone == (1, 5):
            keep_widths(tmp_path / "out", SPEC.input, (str(file),))
    with pytest.raises(ValueError, match="what was taken for 'ours mine' has changed"):
        keep_widths(tmp_path / "out", SPEC.input, (str(file),))


def test_two_rows_of_one_name_are_refused() -> None:
    files = ("a/mine/widths.json", "b/mine/widths.json")
    with pytest.raises(ValueError, match="two --widths are called 'ours mine'"):
        methods_of(VersusConfig(out="", widths=files), SPEC.input)
