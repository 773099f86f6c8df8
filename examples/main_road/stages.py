"""The stages of the main road: each reads files of earlier ones and writes its own."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from compression.export import export_onnx
from examples.main_road.config import RoadConfig
from examples.main_road.side_by_side import Job, run_jobs
from latency_tables.check import check_table
from latency_tables.cost import TableLatency
from latency_tables.measure import measure_space
from latency_tables.networks import Measured, measure_networks
from latency_tables.protocol import Protocol
from latency_tables.report import lines
from latency_tables.table import LatencyTable
from proxyless_nas import NetworkSpec, hand_made, load_spec, named_space
from proxyless_nas.files import read_json, write_json
from proxyless_nas.weights import load_weights
from search.config import ProxylessConfig
from search.problems import Architecture
from search.run import search
from search.strategies import RandomChoices
from training.datasets import Reading, open_dataset
from training.evaluate import Evaluation

NEAR_TARGET = 0.1
RECIPE = {
    "--batch-size": 128,
    "--base-lr": 0.5,
    "--warmup-epochs": 1,
    "--wd": 1e-4,
    "--threads": 1,
    "--val-every": None,
}
"""How `main.py` trains every network of the comparison; the test set is read once, at the end."""
CHECKED_IMAGES = 64
VISITS = 150
ATTEMPTS = 3
"""How often a table is measured on a busy machine before the road goes on with it."""


class Timed(Struct, frozen=True, forbid_unknown_fields=True):
    """What was measured of all networks in one session; `exported` is the ONNX file itself."""

    networks: dict[str, Measured]
    exported: Measured
    compressed: dict[str, Measured]


class Compared(Struct, frozen=True, forbid_unknown_fields=True):
    """The networks that are trained and measured side by side."""

    networks: tuple[NetworkSpec, ...]


class Road(Struct, frozen=True):
    """One run: its config and the places of its files."""

    config: RoadConfig
    folder: Path

    @property
    def table_path(self) -> Path:
        return self.folder / "table.json"

    @property
    def spec_path(self) -> Path:
        return self.folder / "spec.json"

    def table(self) -> LatencyTable:
        """The calibrated latency table."""
        return LatencyTable.load(self.table_path, allow_contended=True)

    def target_ms(self) -> float:
        """The latency to meet; what the search was given, once it has begun."""
        if self.config.target_ms is not None:
            return self.config.target_ms
        begun = self.folder / "search" / "config.json"
        if begun.exists():
            return read_json(begun, ProxylessConfig).budget[0]
        whole = TableLatency(self.table()).network(hand_made(self.config.space))
        return self.config.target_ratio * whole

    def network_folder(self, name: str) -> Path:
        """Where one network is trained."""
        return self.folder / "networks" / name

    def specs(self) -> dict[str, NetworkSpec]:
        """Every network of the comparison, the searched one first; chosen once and kept."""
        kept = self.folder / "compared.json"
        if not kept.exists():
            named = [load_spec(str(self.spec_path))]
            named += [hand_made(self.config.space, width) for width in self.config.widths]
            write_json(kept, Compared((*named, *random_networks(self))))
        return {spec.name: spec for spec in read_json(kept, Compared).networks}

    def result(self, name: str) -> Evaluation:
        """What a trained network did on the test set."""
        return read_json(self.network_folder(name) / "result.json", Evaluation)


def measure_table(road: Road) -> None:
    """Measure the blocks of the space on this machine, then calibrate on whole networks."""
    hand_made_blocks = [
        (block, shape)
        for width in (1.0, *road.config.widths)
        for _, block, shape in hand_made(road.config.space, width).placed()
    ]
    table = measure_space(
        named_space(road.config.space),
        road.table_path,
        protocol=Protocol(spread_s=road.config.spread_s),
        seed=road.config.seed,
        extra=hand_made_blocks,
        attempts=ATTEMPTS,
    )
    if table.head.contended:
        print(f"the table is contended, {ATTEMPTS} times over: {table.head.reason}; going on")
    report = check_table(
        road.table_path,
        fit=road.config.fit,
        test=road.config.test,
        seed=road.config.seed,
        allow_contended=True,
    )
    print(*lines(report), sep="\n")


def search_network(road: Road) -> None:
    """Search for the target; leaves search/ and spec.json."""
    config, out = road.config, road.folder / "search"
    search(
        ProxylessConfig(
            space=config.space,
            table=str(road.table_path),
            allow_contended=True,  # the report says so; a guest's machine is seldom calm
            budget=(road.target_ms(),),
            out=str(out),
            dataset=config.dataset,
            path=config.path,
            limit=config.limit,
            held_out=config.held_out,
            epochs=config.search_epochs,
            warmup_epochs=config.warmup_epochs,
            seed=config.seed,
        )
    )
    shutil.copyfile(out / "spec.json", road.spec_path)


def random_networks(road: Road) -> list[NetworkSpec]:
    """Random networks of the space whose predicted latency is within 10 % of the target."""
    problem = Architecture(named_space(road.config.space))
    prices = problem.prices(TableLatency(road.table()))
    low, high = (road.target_ms() * side for side in (1 - NEAR_TARGET, 1 + NEAR_TARGET))
    strategy = RandomChoices(prices, (low, high), road.config.seed, road.config.randoms)
    return [
        problem.decode(choices.options, f"random-{index}")
        for index, choices in enumerate(strategy.ask(), 1)
    ]


def train_networks(road: Road) -> None:
    """Train every network of the comparison with the same budget, some side by side."""
    config = road.config
    jobs: list[Job] = []
    for name, spec in sorted(road.specs().items(), key=lambda pair: -pair[1].macs):
        folder = road.network_folder(name)
        if (folder / "result.json").exists():
            continue
        spec.save(str(folder / "arch.json"))
        flags = {
            "--arch": folder / "arch.json",
            "--out": folder,
            "--dataset": config.dataset,
            "--path": config.path,
            "--limit": config.limit,
            "--epochs": config.epochs,
            "--seed": config.seed,
        }
        given = {flag: value for flag, value in flags.items() if value is not None} | RECIPE
        arguments = [str(part) for pair in given.items() for part in pair]
        words = ["main.py", "--nesterov", *arguments]
        jobs.append(Job(name, words, folder, config.epochs))
    run_jobs(jobs, config.workers)
    shutil.copyfile(road.network_folder("searched") / "weights.pt", road.folder / "weights.pt")


def export_network(road: Road) -> None:
    """Write model.onnx and check it against the module on real training images."""
    spec = load_spec(str(road.spec_path))
    network = spec.build(seed=0)
    load_weights(network, road.folder / "weights.pt")
    reading = Reading(resolution=spec.input.height)
    data = open_dataset(road.config.dataset, road.config.path, reading)
    images = next(iter(data.train.evaluation_batches(CHECKED_IMAGES)))[0]
    done = export_onnx(network, spec.input, road.folder / "model.onnx", images)
    write_json(road.folder / "export.json", done)
    print(f"model.onnx: {done.bytes:,} bytes, logits differ by {done.difference:.1e} at most")


def time_networks(road: Road, compressed: Mapping[str, Path]) -> None:
    """Measure every network, the exported file and those of compressed networks in one session."""
    specs = road.specs()
    seen = measure_networks(
        [*specs.values(), road.folder / "model.onnx", *compressed.values()],
        visits=VISITS,
        protocol=road.table().head.identity.protocol,
        seed=road.config.seed,
    )
    count = len(specs)
    write_json(
        road.folder / "measured.json",
        Timed(
            networks=dict(zip(specs, seen[:count], strict=True)),
            exported=seen[count],
            compressed=dict(zip(compressed, seen[count + 1 :], strict=True)),
        ),
    )


def timed(road: Road) -> Timed:
    """What `time_networks` measured."""
    return read_json(road.folder / "measured.json", Timed)
