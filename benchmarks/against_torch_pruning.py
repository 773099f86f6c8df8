"""How good and how fast are networks pruned to the same MACs: by us, Torch-Pruning and NNCF?

Every method makes the trained network narrower until a share of its MACs is left; all are then
tuned with the same budget, optimizer and batches, over seeds. The call itself is timed in shuffled
rounds (search for the target included), latency is that of all networks in one session. Nothing is
chosen by the test images. A finished part is not done again: `--seeds` without a number prunes and
times only, and two processes with one --out may tune different seeds side by side.

The others must not enter this environment. NNCF 2.19.0 is the last release with filter pruning for
PyTorch (3.0 deleted it), wants an older numpy than ours, and is asked in a process of its own:

    python -m venv versus && versus/bin/pip install torch-pruning nncf==2.19.0 -e .
    versus/bin/python -m benchmarks.against_torch_pruning --weights WEIGHTS --path CIFAR10 --out RUN
"""

import statistics
from collections.abc import Iterable
from pathlib import Path

import torch
from msgspec import Struct
from msgspec.structs import replace

from benchmarks.versus import depgraph, nncf_filters
from benchmarks.versus.measuring import Networks, Size, file_of, latencies_of, sizes_of
from benchmarks.versus.methods import Method, from_widths, ours
from benchmarks.versus.tuning import Cell, School
from compression.pruning.widths_file import Widths
from latency_tables.networks import Measured
from proxyless_nas import Shape
from proxyless_nas.command import Command, run_one
from proxyless_nas.files import read_json, write_json
from proxyless_nas.subject import Subject, load_its_weights, open_subject
from training.config import NumberFormat, TrainConfig
from training.datasets import NormalisationName, Reading, open_dataset, open_test
from training.device import keep_freed_memory
from training.run_folder import keep_same

WHOLE = "untouched"


class VersusConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Prune a trained network of CIFAR-10 in several ways to the same MACs; tune and measure."""

    out: str
    """Folder of the run; what is there is not done again."""
    arch: str = "resnet20_cifar"
    """The network: a file, a published name, or one of torchvision's."""
    weights: str | None = None
    """Its trained weights; default: those beside the file, or the published ones."""
    path: str | None = None
    """CIFAR-10, in any form; without it the known places are tried."""
    test_path: str | None = None
    """CIFAR-10 whose test images count instead of those in --path."""
    normalise: NormalisationName | None = None
    """Mean and deviation of pixels (half: 0.5 and 0.5, as in Distiller); default: CIFAR-10's."""
    macs: float = 0.5
    """Share of the multiply-accumulates that is left."""
    widths: tuple[str, ...] = ()
    """Files widths.json that `python -m compression prune` has left for this network: more rows."""
    methods: tuple[str, ...] = ()
    """Only those whose names begin with one of these; default: all. The untouched network is
    always measured beside them, and tuned only where it is among these too."""
    seeds: tuple[int, ...] = (0, 1, 2)
    """Seeds of the tuning."""
    epochs: int = 10
    """Passes over the training images in every tuning."""
    batch_size: int = 128
    """Images per step."""
    base_lr: float = 0.02
    """Peak learning rate of the tuning for 64 images per step."""
    precision: NumberFormat = "float32"
    """What tuning computes in."""
    limit: int | None = None
    """Use only so many training images."""
    test_limit: int | None = None
    """Use only so many test images."""
    rounds: int = 5
    """Timed prunings by each method."""
    visits: int = 24
    """Visits of each network in the session that measures latency."""
    threads: int = 1
    """CPU threads."""


def methods_of(config: VersusConfig, shape: Shape) -> list[Method]:
    """The rows of the table that were asked for, below that of the network as it is.

    ValueError for a word with which no name begins, and for a name that stands twice.
    """
    whole = Method(WHOLE, lambda network: network)
    known = [
        whole,
        *ours(shape, config.macs),
        *from_widths(shape, config.widths),
        *depgraph.methods(shape, config.macs),
        *nncf_filters.methods(shape, config.macs),
    ]
    names = [method.name for method in known]
    for word in config.methods:
        if not any(name.startswith(word) for name in names):
            raise ValueError(f"no method begins with {word!r}; methods: {', '.join(names)}")
    if twice := sorted(name for name in set(names) if names.count(name) > 1):
        raise ValueError(f"two --widths are called {twice[0]!r}: rename a folder")
    asked = config.methods or ("",)
    return [method for method in known if method is whole or method.name.startswith(asked)]


def school_of(config: VersusConfig, subject: Subject) -> School:
    """Data and manner of the tuning, the same for all.

    In torch's usual layout: with channels last the backward pass of a strided 1x1 convolution that
    takes 2 to 7 channels writes where it may not (oneDNN, issue 6035), and crashes at best.
    """
    reading = Reading(resolution=subject.input.height, normalise=config.normalise)
    data = open_dataset("cifar10", config.path, reading, config.limit)
    exam = open_test("cifar10", config.test_path or config.path, reading, config.test_limit)
    exam.must_fit(subject.input, subject.classes)
    how = TrainConfig(
        arch=config.arch,
        dataset="cifar10",
        epochs=config.epochs,
        batch_size=config.batch_size,
        global_batch=config.batch_size,
        base_lr=config.base_lr,
        warmup_epochs=min(1.0, config.epochs / 10),
        nesterov=True,
        wd=5e-4,
        shift=4,
        precision=config.precision,
        channels_last=False,
        val_every=None,
    )
    return School(subject, replace(data, test=exam.test), how)


def cells_of(config: VersusConfig, subject: Subject, pruned: Networks) -> dict[str, list[Cell]]:
    """By method, the cells of all seeds in the folder; those that were asked for are made first."""
    folder = Path(config.out) / "cells"
    tuned = [name for name in pruned if not config.methods or name.startswith(config.methods)]
    missing = [
        (name, seed)
        for seed in config.seeds
        for name in tuned
        if not file_of(folder / str(seed), name).exists()
    ]
    if missing:
        school = school_of(config, subject)
        for name, seed in missing:
            cell = school.cell(pruned[name], seed)
            write_json(file_of(folder / str(seed), name), cell)
            print(f"{name}, seed {seed}: {cell.pruned.top1:.2%} of {cell.pruned.images:,} right, "
                  f"{cell.tuned.top1:.2%} after {cell.seconds:.0f} s", flush=True)  # fmt: skip
    return {
        name: [
            read_json(file_of(place, name), Cell)
            for place in sorted(folder.glob("*"))
            if file_of(place, name).exists()
        ]
        for name in pruned
    }


def main(config: VersusConfig) -> None:
    """Prune, time, measure, tune; then one table."""
    torch.set_num_threads(config.threads)
    keep_freed_memory()
    subject, out = open_subject(config.arch), Path(config.out)
    shape, network = subject.input, subject.build(seed=0).eval()
    load_its_weights(network, config.arch, config.weights)
    methods = methods_of(config, shape)
    same = replace(config, out="", widths=(), methods=(), seeds=(), threads=1)
    keep_same(out / "config.json", same, "what is asked")
    keep_widths(out, shape, config.widths)
    pruned = {method.name: method.prune(network) for method in methods}
    sizes = sizes_of(out / "sizes", methods, network, pruned, shape, config.rounds)
    measured = latencies_of(out / "latency.json", pruned, shape, config.visits)
    cells = cells_of(config, subject, pruned)
    print(f"{subject.name} to {config.macs:g} of its MACs, epochs of tuning: {config.epochs}; "
          f"torch {torch.__version__}, {config.threads} thread(s)")  # fmt: skip
    print(f"{'':<20}{'MACs':>7}{'param.':>8}{'call, s':>9}{'latency':>9}"
          f"{'pruned, %':>11}{'new BN, %':>16}{'tuned, %':>16}{'seeds':>7}")  # fmt: skip
    for name in pruned:
        print(line(name, sizes, measured, cells[name]))
    for reason in {one.contended for one in measured.values() if one.contended}:
        print(f"latency: {reason}")


def keep_widths(out: Path, shape: Shape, files: tuple[str, ...]) -> None:
    """Keep what each file takes; ValueError where it took something else before."""
    for method, file in zip(from_widths(shape, files), files, strict=True):
        kept = file_of(out / "widths", method.name)
        keep_same(kept, read_json(file, Widths), f"what was taken for {method.name!r}")


def line(
    name: str, sizes: dict[str, Size], measured: dict[str, Measured], cells: list[Cell]
) -> str:
    """A row; MACs, parameters and latency over those of the network as it is."""
    size, whole = sizes[name], sizes[WHOLE]
    latency = measured[name].p10_ms / measured[WHOLE].p10_ms
    return (
        f"{name:<20}{size.macs / whole.macs:>7.3f}{size.parameters / whole.parameters:>8.3f}"
        f"{statistics.median(size.seconds):>9.2f}{latency:>9.3f}"
        f"{spread(cell.pruned.top1 for cell in cells):>11}"
        f"{spread(cell.reestimated.top1 for cell in cells):>16}"
        f"{spread(cell.tuned.top1 for cell in cells):>16}{len(cells):>7}"
    )


def spread(shares: Iterable[float]) -> str:
    """Mean and deviation in percent; what is the same for all seeds has none."""
    values = [100 * share for share in shares]
    if len(set(values)) < 2:
        return f"{values[0]:.2f}" if values else ""
    return f"{statistics.mean(values):.2f} +- {statistics.stdev(values):.2f}"


if __name__ == "__main__":
    run_one("python -m benchmarks.against_torch_pruning", Command(VersusConfig, main))
