"""The command `gates`: score what a training with gates has left, and count what images cost."""

from pathlib import Path
from typing import Annotated

import tyro
from msgspec import Struct

from compression.gates.files import open_gated
from compression.gates.work import GatesWork, expected_work, measured_work
from compression.reopened import reopened
from proxyless_nas.command import short
from proxyless_nas.drawing.tables import table_lines
from proxyless_nas.files import write_json
from proxyless_nas.progress import progress_bar
from training.device import DeviceName
from training.evaluate import Evaluation, evaluate

HEAD = ("Layer", "Dense", "Overhead", "In (%)", "Out (%)", "MACs")


class GatesConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Score a network with gates on test images, and count the channels that they need."""

    run: tyro.conf.Positional[str]
    """The folder of a training with a recipe that says `do: gate`."""
    path: Annotated[str | None, short("p")] = None
    """The data; default: where the training found them."""
    limit: int | None = None
    """Use only so many test images; default: as many as the training."""
    batch_size: Annotated[int, short("b")] = 64
    """Images per step."""
    device: DeviceName = "auto"
    """Where the network runs; auto is a GPU where there is one."""
    out: str | None = None
    """Write the figures into this JSON file."""


class Found(Struct, frozen=True):
    """What --out keeps: figures of test images."""

    test: Evaluation
    expected: GatesWork
    measured: GatesWork


def run_gates(config: GatesConfig) -> None:
    """The command."""
    folder = Path(config.run)
    network, subject = open_gated(folder)
    run = reopened(folder, network, subject, config.device, config.path)
    data = run.data
    test = data.test if config.limit is None else data.limited(config.limit).test

    def batches(what: str):
        steps = -(-len(test) // config.batch_size)
        given = test.evaluation_batches(config.batch_size, run.device)
        return progress_bar(given, what, steps, unit="batch", leave=False)

    found = Found(
        evaluate(network, batches("evaluate")),
        expected_work(network, subject.input),
        measured_work(network, subject.input, (x for x, _ in batches("count"))),
    )
    print("\n".join(told(found)))
    if config.out is not None:
        write_json(config.out, found)


def told(found: Found) -> list[str]:
    """A table of the gated layers, as counted, and the figures of the whole network."""
    rows = [
        (name, f"{one.dense:,}", f"{one.overhead:,}", f"{100 * one.taken:.1f}",
         f"{100 * one.active:.1f}", f"{one.macs:,.0f}")
        for name, one in found.measured.layers.items()
    ]  # fmt: skip
    test, expected, measured = found.test, found.expected, found.measured
    return [
        *table_lines(HEAD, rows, 1),
        "",
        f"top-1     {100 * test.top1:.2f} % ({test.right:,} of {test.images:,})",
        f"MACs      {measured.without_gates:,} without gates",
        f"expected  {expected.macs:,.0f} ({100 * expected.share:.1f} %) by the densities",
        f"measured  {measured.macs:,.0f} ({100 * measured.share:.1f} %) on these images",
    ]
