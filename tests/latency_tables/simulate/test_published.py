"""The figures that HAQ published, and its own table of cycles, against our formulas."""

import numpy as np
import pytest

from benchmarks.simulated_hardware import PUBLISHED, Figure, figures
from latency_tables.simulate.presets import HARDWARE, open_hardware
from latency_tables.simulate.pricing import network_ms, price_table, without_ends
from proxyless_nas import load_spec
from proxyless_nas.bits import Bits, uniform
from tests.shared import shared

MOST_OFF = {("bismo-edge", "ms"): 0.05, ("bitfusion", "ms"): 0.06, ("bitfusion", "mJ"): 0.1}
TABLE = "data/haq/qmobilenetv2_imagenet100_batch16_latency_table.npy"
V2 = load_spec("mobilenet_v2").layers()
FIGURES = figures()


def named(figure: Figure) -> str:
    return f"{figure.hardware}-{figure.network}-{figure.bits}-{figure.unit}"


def test_every_published_figure_is_looked_at() -> None:
    assert len(FIGURES) == sum(len(row[-1]) for row in PUBLISHED) == 24


@pytest.mark.parametrize("figure", FIGURES, ids=named)
def test_a_published_figure_is_met(figure: Figure) -> None:
    if figure.hardware == "bismo-cloud":
        assert round(figure.ours, 2) == figure.paper
    else:
        assert abs(figure.error) < MOST_OFF[figure.hardware, figure.unit]


def test_the_formula_of_the_cloud_gives_every_entry_of_the_original_table() -> None:
    table = np.load(shared(TABLE))
    ours = price_table(HARDWARE["bismo-cloud"].cycles, V2)
    assert table.shape == (53, 8, 8)
    assert (ours == table).all()


@pytest.mark.parametrize(("bits", "ms"), [(8, 189.82), (6, 127.07), (5, 99.43), (4, 74.46)])
def test_the_original_table_as_hardware_gives_the_published_latency(bits: int, ms: float) -> None:
    machine, inner = open_hardware(str(shared(TABLE)), V2), without_ends(V2)
    assert round(network_ms(machine, inner, uniform(inner, Bits(bits, bits))), 2) == ms
