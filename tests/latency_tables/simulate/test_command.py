"""Laws of `python -m latency_tables simulate`: what it prints, what it writes, what it refuses."""

import pytest

from latency_tables.__main__ import COMMANDS
from latency_tables.simulate.command import Simulation
from proxyless_nas import load_spec
from proxyless_nas.bits import Bits, bit_operations, uniform, weight_bytes
from proxyless_nas.command import run_many
from proxyless_nas.files import read_json

ARCH = "resnet20_cifar"
SPEC = load_spec(ARCH)
LAYERS = SPEC.layers()


def run(capsys, *words: str, arch: str = ARCH, hardware: str = "bismo-cloud") -> str:
    arguments = ["simulate", "--arch", arch, "--hardware", hardware, *words]
    with pytest.raises(SystemExit) as end:
        run_many("python -m latency_tables", COMMANDS, arguments)
    said = capsys.readouterr()
    assert end.value.code == (2 if said.err else 0)
    return said.err or said.out


def test_every_bit_width_is_a_row_with_its_counts(capsys, tmp_path) -> None:
    said = run(capsys, "--bits", "4", "w6a4", "--json", str(tmp_path / "s.json"))
    found = read_json(tmp_path / "s.json", Simulation)
    assert [row.bits for row in found.rows] == ["w4a4", "w6a4"] and found.batch == 16
    for row, bits in zip(found.rows, (Bits(4, 4), Bits(6, 4)), strict=True):
        policy = uniform(LAYERS, bits)
        assert row.total.weight_bytes == weight_bytes(LAYERS, policy)
        assert row.total.bit_operations == bit_operations(LAYERS, policy)
        assert sum(one.price.latency_ms for one in row.layers) == pytest.approx(
            row.total.latency_ms
        )
        (line,) = (line for line in said.splitlines() if line.startswith(row.bits))
        assert f"{row.total.latency_ms:.3f}" in line and f"{row.total.energy_mj:.3f}" in line
    assert "16 images" in said and "stem.conv" not in said


def test_without_words_the_usual_bits_are_shown(capsys) -> None:
    rows = [line.split()[0] for line in run(capsys).splitlines()[2:]]
    assert rows == ["w4a4", "w5a5", "w6a6", "w8a8"]


def test_the_ends_are_left_out_only_where_that_is_asked_for(capsys, tmp_path) -> None:
    file = tmp_path / "s.json"
    run(capsys, "--bits", "8", "--json", str(file))
    whole = read_json(file, Simulation)
    said = run(capsys, "--bits", "8", "--json", str(file), "--leave-out-ends")
    inner = read_json(file, Simulation)
    assert whole.left_out == () and inner.left_out == ("stem.conv", "classifier.linear")
    assert "without stem.conv and classifier.linear" in said
    ends = [whole.rows[0].layers[index].price.latency_ms for index in (0, -1)]
    assert whole.rows[0].total.latency_ms - sum(ends) == pytest.approx(
        inner.rows[0].total.latency_ms
    )


def test_a_policy_is_the_row_and_its_layers_show_their_bits(capsys, tmp_path) -> None:
    policy = uniform(LAYERS, Bits(3, 7), SPEC.name)
    policy.save(tmp_path / "p.json")
    said = run(capsys, "--policy", str(tmp_path / "p.json"), "--per-layer")
    lines = said.splitlines()
    assert sum("w3a7" in line for line in lines) == len(LAYERS)
    assert all(any(line.startswith(layer.name) for line in lines) for layer in LAYERS)
    assert "w4a4" not in said


def test_networks_of_torchvision_are_priced_by_their_own_names(capsys) -> None:
    said = run(capsys, "--bits", "5", "--per-layer", arch="squeezenet1_1", hardware="bitfusion")
    assert "features.3.expand3x3" in said and "1 image per call" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--bits", "32"), "float"),
        (("--bits", "9"), "1 to 8"),
        (("--bits", "four"), "w6a4"),
        (("--policy", "/nowhere/p.json"), "no file"),
        (("--hardware", "bismo-clowd"), "did you mean bismo-cloud"),
        (("--hardware", "/nowhere/t.npy"), "no file"),
        (("--arch", "mobilenet_v9"), "mobilenet_v"),
    ],
)
def test_a_mistake_is_told_in_two_lines_at_most(words, said: str, capsys) -> None:
    found = run(capsys, *words)
    assert said in found and len(found.splitlines()) <= 2
