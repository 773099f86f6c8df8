"""Score a trained network: accuracy, size, work, predicted and measured latency."""

from pathlib import Path

import torch
from msgspec import Struct

from latency_tables.cost import TableLatency
from latency_tables.networks import measure_networks
from latency_tables.table import LatencyTable
from proxyless_nas import load_spec
from proxyless_nas.command import Command, run_one
from proxyless_nas.weights import load_weights
from training.datasets import DatasetName, open_dataset
from training.evaluate import evaluate

BYTES_PER_WEIGHT = 4


class EvalConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Evaluate a network on the test set and say what it costs."""

    arch: str
    """Description of the network: a spec.json."""
    weights: str | None = None
    """Its weights.pt; default: the one beside the description."""
    dataset: DatasetName = "fashion"
    """Which data."""
    path: str | None = None
    """Folder of the data; without it the known places are tried."""
    batch_size: int = 256
    """Images per step."""
    limit: int | None = None
    """Use only so many test images."""
    table: str | None = None
    """A latency table, for the predicted latency."""
    measure: bool = False
    """Measure the latency on this machine, in ONNX Runtime, one thread, batch 1."""
    threads: int | None = None
    """CPU threads for the evaluation; default: all cores."""


def main(config: EvalConfig) -> None:
    """Print one line per figure."""
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    spec = load_spec(config.arch)
    weights = config.weights or str(Path(config.arch).with_name("weights.pt"))
    network = spec.build(seed=0)
    load_weights(network, weights)
    table = LatencyTable.load(config.table) if config.table else None
    predicted = TableLatency(table).network(spec) if table else None
    data = open_dataset(config.dataset, config.path, spec.input.height, config.limit)
    data.must_fit(spec.input, spec.classifier.classes)
    result = evaluate(network, data.test_batches(config.batch_size))
    figures = {
        "network": spec.name,
        "test images": f"{result.images:,}",
        "top-1": f"{result.top1:.2%}",
        "top-5": f"{result.top5:.2%}",
        "loss": f"{result.loss:.4f}",
        "parameters": f"{spec.parameters:,}",
        "MACs": f"{spec.macs:,}",
        "weights": f"{spec.parameters * BYTES_PER_WEIGHT / 1e6:.3f} MB as float32",
    }
    if predicted is not None:
        figures["predicted latency"] = f"{predicted:.4f} ms"
    if config.measure:
        protocol = table.head.identity.protocol if table else None
        (timed,) = measure_networks([spec], protocol=protocol)
        figures["measured latency"] = (
            f"{timed.p10_ms:.4f} ms (p10; p50 {timed.p50_ms:.4f}, p90 {timed.p90_ms:.4f})"
        )
        if table is not None:
            figures["at the table's speed"] = f"{timed.at_table_speed(table):.4f} ms"
    for name, figure in figures.items():
        print(f"{name:<21} {figure}")


if __name__ == "__main__":
    run_one("python eval.py", Command(EvalConfig, main))
