"""The last step: the tuned network as a plain one, exported, measured, beside what it was."""

from copy import deepcopy
from pathlib import Path

from msgspec import Struct
from torch import nn

from compression.apply import write_what_is_left
from compression.export import export_onnx
from compression.pruning.clock import Clock
from compression.pruning.config import Pruning
from compression.pruning.figures import Figures, table_of
from compression.pruning.finetune import TUNED
from compression.pruning.goals import LatencyGoal
from compression.pruning.whole import opened
from compression.pruning.widths_file import read_widths, thinned
from latency_tables.protocol import Protocol
from proxyless_nas.files import write_json
from proxyless_nas.weights import load_weights, save_tensors
from training.evaluate import evaluate
from training.prepare import first_network
from training.words import scored_images

REPORT = "report.json"
ONNX = "model.onnx"
VISITS = 60


class Report(Struct, frozen=True, forbid_unknown_fields=True):
    """report.json: the network before and after, on the images of `data`."""

    data: str
    whole: Figures
    untuned: Figures
    pruned: Figures


def transform(config: Pruning) -> None:
    """Write the plain network and its weights, ONNX and the report; say what was won and lost."""
    folder, widths = Path(config.out), read_widths(config)
    weights = folder / TUNED / "weights.pt"
    if not weights.exists():
        raise FileNotFoundError(f"no file {weights}: `python -m compression finetune` writes it")
    subject, data, device = opened(config.train)
    whole = first_network(config.train, subject).eval()
    untuned = thinned(config, widths, config.train, subject)
    pruned = deepcopy(untuned)
    load_weights(pruned, weights)

    save_tensors(folder / "weights.pt", pruned.state_dict())
    write_what_is_left(subject, pruned, folder)
    done = export_onnx(pruned, subject.input, folder / ONNX)
    goal = config.goal if isinstance(config.goal, LatencyGoal) else LatencyGoal(share=1.0)
    clock = Clock.of(goal, whole, subject.input)
    protocol = Protocol(spread_s=config.spread_s)
    before, after = clock.times(clock.model(pruned), protocol, VISITS)

    def figures(name: str, network: nn.Module, ms: float | None) -> Figures:
        batches = data.test_batches(config.train.val_batch_size, device)
        score = evaluate(network.to(device), batches)
        return Figures.of(name, network, subject.input, score, ms)

    report = Report(
        data=data.name,
        whole=figures("whole", whole, before),
        untuned=figures("untuned", untuned, None),
        pruned=figures("pruned", pruned, after),
    )
    write_json(folder / REPORT, report)
    print(table_of([report.whole, report.untuned, report.pruned]))
    print(
        f"on {report.pruned.score.images:,} {scored_images(config.train)} of {report.data}\n"
        f"{done.path}: {done.bytes:,} bytes, logits differ by {done.difference:.1e} at most"
    )
