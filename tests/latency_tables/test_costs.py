"""Laws of costs: what is counted, what adds up, and what its expectation is."""

import numpy as np
import pytest
import torch
from msgspec import structs
from torch import nn

from latency_tables import (
    CostModel,
    ExpectedCost,
    Macs,
    Parameters,
    PeakActivation,
    TableEnergy,
    TableLatency,
    WeightBytes,
)
from latency_tables.devices.rapl import package_energy
from latency_tables.memory import peak_values
from proxyless_nas import MBConv, Shape, named_space
from tests.latency_tables.helpers import made_up_table

SPACE = named_space("smoke")
TABLE = made_up_table(SPACE)
WITH_ENERGY = structs.replace(
    TABLE,
    entries={k: structs.replace(e, energy_mj=2.0 * e.ms) for k, e in TABLE.entries.items()},
)
SEPARABLE = [TableLatency(TABLE), Macs(), Parameters(), WeightBytes(), TableEnergy(WITH_ENERGY)]


def probabilities(seed: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    edges = [SPACE.edges[index] for index in SPACE.searched]
    rows = [torch.rand(len(e.examples()), generator=generator, dtype=torch.float64) for e in edges]
    return [(row / row.sum()).requires_grad_() for row in rows]


@pytest.mark.parametrize("cost", SEPARABLE, ids=lambda cost: type(cost).__name__)
def test_the_expected_cost_is_the_mean_over_all_networks_and_slopes_are_prices(
    cost: CostModel,
) -> None:
    given = probabilities(0)
    expected = ExpectedCost(cost, SPACE)(given)
    mean = 0.0
    for options in np.ndindex(*(len(row) for row in given)):
        weight = np.prod([float(row.detach()[i]) for row, i in zip(given, options, strict=True)])
        mean += weight * cost.network(SPACE.network(options))
    assert float(expected.detach()) == pytest.approx(mean)
    expected.backward()
    base = [0] * len(given)
    for edge, row in enumerate(given):
        assert row.grad is not None
        for option in range(len(row)):
            other = [*base[:edge], option, *base[edge + 1 :]]
            step = cost.network(SPACE.network(other)) - cost.network(SPACE.network(base))
            assert float(row.grad[option] - row.grad[0]) == pytest.approx(step, abs=1e-9)


def test_probabilities_of_another_space_are_refused() -> None:
    with pytest.raises(ValueError, match="one vector per decision"):
        ExpectedCost(Macs(), SPACE)([torch.ones(2)])


def test_a_maximum_has_no_expectation_by_edges() -> None:
    with pytest.raises(ValueError, match="maximum"):
        ExpectedCost(PeakActivation(), SPACE)


def test_fewer_bits_shrink_the_weights_and_leave_the_biases() -> None:
    spec = SPACE.network([0] * len(SPACE.searched))
    whole, eighth = WeightBytes(32).network(spec), WeightBytes(4).network(spec)
    biases = sum(layer.output.channels for layer in spec.layers()) * 4
    assert whole - biases == pytest.approx(8 * (eighth - biases))
    with pytest.raises(ValueError, match="bits"):
        WeightBytes(0)


def test_the_peak_of_an_inverted_bottleneck_is_known() -> None:
    shape, wide, out = Shape(8, 10, 10), 48 * 100, 8 * 100
    plain = MBConv(8, 48, 3)
    assert PeakActivation().block(plain, shape) == 4 * (wide + wide)
    with_input = MBConv(8, 48, 3, residual=True)
    assert PeakActivation().block(with_input, shape) == 4 * (wide + wide + out)
    assert PeakActivation(8).block(with_input, shape) == wide + wide + out


def test_a_value_lives_until_its_last_reader() -> None:
    class Late(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.shrink = nn.Conv2d(8, 1, 1)
            self.grow = nn.Conv2d(1, 8, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.grow(self.shrink(x)) + x

    assert peak_values(Late(), Shape(8, 4, 4)) == (8 + 8 + 8) * 16  # both terms and the sum
    assert peak_values(nn.Sequential(nn.Conv2d(8, 4, 1), nn.ReLU()), Shape(8, 4, 4)) == 12 * 16


def test_a_network_needs_as_much_memory_as_its_most_demanding_block() -> None:
    spec = SPACE.network([0] * len(SPACE.searched))
    blocks = [PeakActivation().block(block, shape) for _, block, shape in spec.placed()]
    assert (
        PeakActivation().network(spec) == max(blocks) == 4 * peak_values(spec.build(), spec.input)
    )


def test_a_table_without_energies_says_where_to_measure_them() -> None:
    with pytest.raises(LookupError, match="RAPL"):
        TableEnergy(TABLE).network(SPACE.network([0] * len(SPACE.searched)))


def counter(folder, value: int) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "energy_uj").write_text(f"{value}\n")
    (folder / "max_energy_range_uj").write_text("999\n")


def test_packages_are_summed_and_a_counter_that_wraps_goes_on(tmp_path) -> None:
    counter(tmp_path / "intel-rapl:0", 900)
    counter(tmp_path / "intel-rapl:1", 10)
    counter(tmp_path / "intel-rapl:0:0", 5)  # a part of package 0: not counted again
    read = package_energy(tmp_path)
    before = read()
    counter(tmp_path / "intel-rapl:0", 100)  # 900 -> 1000 = 0 -> 100
    counter(tmp_path / "intel-rapl:1", 30)
    after = read()
    assert before is not None and after is not None and after - before == 200 + 20


def test_a_machine_without_counters_reports_no_energy(tmp_path) -> None:
    assert package_energy(tmp_path)() is None
