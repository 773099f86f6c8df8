"""Laws of the authors' own table of the Pixel 1: its figures, its gaps, what it is good for."""

import hashlib

import pytest
import yaml
from msgspec import structs

from eval import predicted
from latency_tables import TableLatency, signature
from latency_tables.dialects import DIALECTS
from latency_tables.exporting import export_table
from latency_tables.importing import Imported, import_table
from proxyless_nas import MBConv, NetworkSpec, load_spec, named_space
from proxyless_nas.subject import open_subject
from search.config import ProxylessConfig
from search.prepare import prices_of, strategy_of
from search.problems import Architecture
from tests.shared import shared

SPACE = named_space("imagenet-mobile")
FIRST = "expanded_conv-input:112x112x32-output:112x112x16-expand:1-kernel:3-stride:1-idskip:0"


@pytest.fixture(scope="module")
def pixel() -> Imported:
    file = shared("data/proxyless/mobile_trim.yaml")
    return import_table(file, space=SPACE.name, device="Pixel 1")


def always(option: int) -> NetworkSpec:
    return SPACE.network([option] * len(SPACE.searched))


def shortest() -> NetworkSpec:
    last = [count - 1 for count in SPACE.counts]
    return SPACE.network([number if number == 6 else 0 for number in last])


def thin_mobile() -> NetworkSpec:
    """proxyless_mobile with 24 channels in its first stage, as the phone was measured."""
    spec = load_spec("proxyless_mobile")
    blocks, channels = [], spec.stem.out
    for block in spec.blocks:
        if isinstance(block, MBConv):
            ratio = 1 if block.mid is None else block.mid // channels
            now = 24 if channels == 32 and blocks else channels
            mid = None if block.mid is None else ratio * now
            channels = block.out
            block = structs.replace(block, mid=mid, out=24 if block.out == 32 else block.out)
        blocks.append(block)
    return structs.replace(spec, blocks=tuple(blocks))


@pytest.mark.parametrize(
    ("network", "ms"),
    [
        (thin_mobile, 82.52),
        (lambda: always(0), 76.05),  # expansion 3, kernel 3
        (lambda: always(1), 136.47),  # expansion 6, kernel 3
        (lambda: always(5), 191.03),  # expansion 6, kernel 7
        (shortest, 29.61),
    ],
)
def test_the_authors_table_prices_networks_as_their_program_does(pixel, network, ms) -> None:
    assert TableLatency(pixel.table).network(network()) == pytest.approx(ms, abs=0.005)


def test_the_authors_table_prices_every_block_of_their_space(pixel) -> None:
    assert len(pixel.table.entries) == 72 and not pixel.strange
    assert pixel.priced == pixel.wanted == len(SPACE.blocks())


def test_an_imported_table_says_where_it_is_from_and_invents_nothing(pixel) -> None:
    file = shared("data/proxyless/mobile_trim.yaml")
    head, raw = pixel.table.head, yaml.safe_load(file.read_text())
    assert str(head.identity.device) == "Pixel 1" and head.identity.protocol is None
    assert head.dialect == "proxyless" and not head.contended and head.empty_ms == 0
    assert head.source is not None and head.source.startswith("mobile_trim.yaml")
    assert hashlib.sha256(file.read_bytes()).hexdigest()[:12] in head.source
    assert (head.load_before, head.load_after, head.sentinel_ms) == (None, None, None)
    entry = pixel.table.entries[signature(*DIALECTS["proxyless"].block(FIRST))]
    assert (entry.mean_ms, entry.visits) == (raw[FIRST]["mean"], raw[FIRST]["count"])
    assert entry.std_ms == pytest.approx(raw[FIRST]["var"] ** 0.5)
    assert entry.p10_ms is entry.p50_ms is entry.confidence is None


def test_the_published_network_is_wider_than_the_table_and_every_gap_is_named(pixel) -> None:
    with pytest.raises(LookupError) as caught:
        TableLatency(pixel.table).network(load_spec("proxyless_mobile"))
    said = str(caught.value)
    assert said.count("mbconv-in") == said.count("expanded_conv-") == 3
    assert "mobile_trim.yaml" in said


def test_a_search_takes_an_imported_table_and_knows_what_it_can_reach(pixel, tmp_path) -> None:
    path = tmp_path / "pixel1.json"
    pixel.table.save(path)
    config = ProxylessConfig(
        space=SPACE.name, table=str(path), budget=(80.0,), out=str(tmp_path / "run")
    )
    problem = Architecture(SPACE)
    prices = prices_of(problem, config)
    strategy = strategy_of(config, prices)
    best = strategy.best()
    assert 0.98 * 80 <= prices.of(best.options) <= 80
    assert TableLatency(pixel.table).network(SPACE.network(best.options)) == pytest.approx(
        prices.of(best.options)
    )
    assert prices.expected(strategy.probabilities()) == pytest.approx(113.99, abs=0.005)
    with pytest.raises(ValueError, match=r"29\.61"):
        strategy_of(structs.replace(config, budget=(20.0,)), prices)
    with pytest.raises(ValueError, match="imagenet-mobile"):
        prices_of(Architecture(named_space("smoke")), structs.replace(config, space="smoke"))


def test_an_evaluation_predicts_with_an_imported_table(pixel, tmp_path) -> None:
    always(0).save(str(tmp_path / "spec.json"))
    assert predicted(open_subject(str(tmp_path / "spec.json")), pixel.table) == "76.0481 ms"


def test_a_spread_that_is_known_is_written_as_each_dialect_writes_it(pixel) -> None:
    text = yaml.safe_load(export_table(pixel.table, "proxyless").text)
    raw = yaml.safe_load(shared("data/proxyless/mobile_trim.yaml").read_text())
    assert text.keys() == raw.keys()
    for key, values in raw.items():
        assert text[key]["mean"] == values["mean"] and text[key]["count"] == values["count"]
        assert text[key]["var"] == pytest.approx(values["var"])
