"""Laws of TVM's schedules: ours compute what ONNX Runtime does, tuned ones are remembered."""

import itertools
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import tvm

from latency_tables.head import RuntimeInfo
from latency_tables.items import network_model
from latency_tables.measure import identity_of
from latency_tables.model import Model
from latency_tables.parts import BlockPart
from latency_tables.runtimes import RuntimeConfig, open_runtime, runtime_of
from latency_tables.runtimes.tvm import records, trials, tuning
from latency_tables.runtimes.tvm.building import Recipe, build, by_hand, read
from latency_tables.runtimes.tvm.registers import Registers, divisors, registers_of
from latency_tables.runtimes.tvm.schedules import unfitted
from latency_tables.runtimes.tvm.targets import GNU_ARM_LINKER, PRESETS, export, target_of
from latency_tables.runtimes.tvm.tuning import check_same, output
from proxyless_nas import AnyBlock, Classifier, Conv, MBConv, Shape, named_space
from proxyless_nas.blocks import Separable, Tree

HOST = target_of("host")
NARROW = target_of('{"kind": "llvm"}')  # the least that this machine's kind of processor has
SQUEEZED = MBConv(24, 48, 3, residual=True, activation="hswish", squeeze=12)
BLOCKS: list[tuple[AnyBlock, Shape, int]] = [
    (Conv(32, 3, 2), Shape(3, 32, 32), 1),
    (Conv(33, 3, 2), Shape(3, 31, 29), 2),  # odd channels, odd sides, a batch
    (Conv(8), Shape(2, 1, 1), 1),
    (MBConv(24, 72, 3, residual=True), Shape(24, 14, 14), 1),
    (MBConv(48, 144, 5, stride=2), Shape(24, 14, 14), 2),
    (MBConv(96, 192, 7), Shape(64, 7, 7), 1),
    (MBConv(16, None, 3), Shape(16, 8, 8), 1),
    (MBConv(7, 21, 7, stride=2), Shape(5, 13, 9), 1),
    (SQUEEZED, Shape(24, 14, 14), 1),
    (Separable(20, 5, 2), Shape(10, 9, 9), 2),
    (Tree(16, 8, ("37", "DM", "AI", "3I", "5D", "MI")), Shape(8, 8, 8), 1),  # groups, dilation
    (Classifier(10), Shape(37, 5, 5), 3),
]
NAMES = [BlockPart(block, shape).key for block, shape, _ in BLOCKS]


def given_to(model: Model) -> np.ndarray:
    sides = (model.batch, model.shape.channels, model.shape.height, model.shape.width)
    return np.random.default_rng(0).standard_normal(sides, dtype=np.float32)


def assert_right(model: Model, executable: object) -> None:
    """What was compiled gives ONNX Runtime's output, up to rounding."""
    x = given_to(model)
    session = onnxruntime.InferenceSession(model.onnx().SerializeToString())  # type: ignore[union-attr]
    right = np.asarray(session.run(None, {"x": x})[0])
    np.testing.assert_allclose(output(executable, x), right, atol=1e-5 * np.abs(right).max())


@pytest.mark.slow
@pytest.mark.parametrize(("block", "shape", "batch"), BLOCKS, ids=NAMES)
def test_a_block_by_hand_computes_what_onnx_runtime_does(block, shape, batch: int) -> None:
    model = BlockPart(block, shape).model(batch)
    assert_right(model, build(model, HOST, Recipe()))


@pytest.mark.parametrize("index", [1, 4, 8])
def test_it_does_so_with_the_fewest_registers_too(index: int) -> None:
    block, shape, batch = BLOCKS[index]
    model = BlockPart(block, shape).model(batch)
    assert registers_of(tvm.target.Target(NARROW)).lanes == 4
    assert_right(model, build(model, NARROW, Recipe()))


@pytest.mark.slow
def test_a_whole_network_by_hand_computes_what_onnx_runtime_does() -> None:
    model = network_model(named_space("smoke").network([0, 1, 0, 1]))
    assert_right(model, build(model, HOST, Recipe()))


@pytest.mark.parametrize("target", ["host", "raspberry-pi-4"])
@pytest.mark.parametrize("index", [0, 4, 8, 10, 11])
def test_no_function_of_a_block_is_left_to_plain_loops(index: int, target: str) -> None:
    block, shape, batch = BLOCKS[index]
    given = read(BlockPart(block, shape).model(batch))
    assert unfitted(by_hand(given, tvm.target.Target(target_of(target)))) == []


@pytest.mark.skipif(shutil.which(GNU_ARM_LINKER) is None, reason="needs gcc-aarch64-linux-gnu")
def test_a_block_by_hand_is_linked_for_arm(tmp_path) -> None:
    target = target_of("raspberry-pi-4")
    model = BlockPart(SQUEEZED, Shape(24, 14, 14)).model()
    library = export(build(model, target, Recipe()), target, tmp_path, "block")
    assert "ARM aarch64" in subprocess.check_output(["file", library], text=True)


@pytest.mark.parametrize("name", PRESETS)
def test_registers_are_the_targets_not_this_machines(name: str) -> None:
    expected = {"x86-64": (4, 16), "x86-64-avx2": (8, 16), "x86-64-avx512": (16, 32)}
    found = registers_of(tvm.target.Target(target_of(name)))
    assert (found.lanes, found.count) == expected.get(name, (4, 32))


def test_a_tile_divides_its_output_and_fits_into_the_registers() -> None:
    for lanes, count in ((4, 16), (4, 32), (8, 16), (16, 32)):
        registers = Registers(lanes, count)
        for rows, columns, channels in itertools.product((1, 7, 13, 56), (1, 9, 28), (1, 24, 33)):
            tile = registers.dense_tile(rows, columns, channels)
            assert rows % tile.rows == columns % tile.columns == channels % tile.channels == 0
            assert tile.rows * tile.columns * tile.vectors < count and tile.lanes <= lanes
            assert columns % registers.row_tile(columns) == 0
    assert divisors(12, 5) == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"schedule": "tuned"}, "--trials above 0"),
        ({"schedule": "tuned", "trials": -1}, "--trials above 0"),
        ({"trials": 8}, "--schedule tuned"),
        ({"schedule": "none", "records": "x"}, "--schedule tuned"),
        ({"schedule": "tuned", "trials": 8, "device": "rpc://127.0.0.1:1/x"}, "on this CPU"),
        ({"runtime": "onnxruntime", "schedule": "none"}, "belong to --runtime tvm"),
    ],
)
def test_a_recipe_that_makes_no_sense_is_refused(given, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        open_runtime(RuntimeConfig(**{"runtime": "tvm", **given}))


@pytest.mark.parametrize(
    ("given", "options"),
    [
        ({}, {"schedule": "hand"}),
        ({"schedule": "none"}, {"schedule": "none"}),
        ({"schedule": "tuned", "trials": 8}, {"schedule": "tuned", "trials": "8"}),
    ],
)
def test_a_table_says_how_loops_were_ordered_and_opens_the_same_again(given, options) -> None:
    runtime = open_runtime(RuntimeConfig(runtime="tvm", target="x86-64-avx2", **given))
    target = json.dumps(target_of("x86-64-avx2"), sort_keys=True)
    assert runtime.info() == RuntimeInfo("tvm", tvm.__version__, {"target": target, **options})
    assert runtime_of(identity_of("smoke", runtime)).info() == runtime.info()


def test_what_computes_something_else_is_not_taken_for_tuned() -> None:
    model, other = (BlockPart(Conv(8, k), Shape(4, 6, 6)).model() for k in (1, 3))
    plain, wrong = (build(each, HOST, Recipe("none")) for each in (model, other))
    check_same(build(model, HOST, Recipe()), plain, read(model), "m")
    with pytest.raises(ValueError, match="what the tuner found for m is wrong"):
        check_same(wrong, plain, read(model), "m")


SMALL = BlockPart(MBConv(8, 16, 3), Shape(8, 8, 8)).model()


def recorded(folder: Path) -> int:
    """Trials that are written down; what this process remembers is forgotten."""
    records._opened.cache_clear()
    return sum(len(f.read_text().splitlines()) for f in folder.glob("*/*tuning_record.json"))


def tried_again(test: Callable[[Path], None], folder: Path) -> None:
    """Run a test up to three times: the tuner may find wrong loops, which `build` refuses."""
    for attempt in range(3):
        try:
            return test(folder / str(attempt))
        except ValueError as error:
            assert "what the tuner found" in str(error)
    raise AssertionError("three tunings in a row found wrong loops")


@pytest.mark.slow
def test_a_tuned_block_is_right_and_no_trial_is_made_twice(tmp_path, monkeypatch, capsys) -> None:
    def once(folder: Path) -> None:
        recipe, timed = Recipe("tuned", 10, str(folder)), itertools.count()
        monkeypatch.setattr(tuning, "POPULATION", 16)
        monkeypatch.setattr(tuning, "UNMEASURED", 4)

        def dies(spent: object) -> float:
            if next(timed) == 5:
                raise KeyboardInterrupt
            return 1000.0

        with monkeypatch.context() as patch:
            patch.setattr(trials, "p10", dies)
            with pytest.raises(KeyboardInterrupt):
                build(SMALL, HOST, recipe)
        kept = recorded(folder)
        assert 0 < kept <= 5
        capsys.readouterr()
        assert_right(SMALL, build(SMALL, HOST, recipe))
        assert f"tuning {SMALL.name}" in capsys.readouterr().err
        first = recorded(folder)
        assert 10 <= first < kept + 10, "the trials before the interruption count"
        assert_right(SMALL, build(SMALL, HOST, recipe))
        assert recorded(folder) == first and "tuning" not in capsys.readouterr().err
        assert_right(SMALL, build(SMALL, HOST, Recipe("tuned", first + 5, str(folder))))
        assert recorded(folder) >= first + 5, "more trials were asked for"

    tried_again(once, tmp_path)
