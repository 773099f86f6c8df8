"""The command `exits`: score what a training with exits has left, and choose thresholds for it."""

from pathlib import Path
from typing import Annotated, Literal

import msgspec
import tyro
from msgspec import Struct

from compression.exits.charts import curve_chart
from compression.exits.curve import Curve, curve_of
from compression.exits.files import open_exits, write_stages
from compression.exits.leaving import AnyRule, Leaving
from compression.exits.network import WithExits
from compression.exits.score import Heard, Outcome, hear, outcome
from compression.exits.words import rows_told, told
from compression.exits.work import work_of
from compression.reopened import reopened
from proxyless_nas.command import short
from proxyless_nas.drawing.page import write_page, write_svg
from proxyless_nas.files import write_json
from proxyless_nas.progress import progress_bar
from training.datasets import Images
from training.device import DeviceName

ROWS = 10


class ExitsConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Score a network with exits: where images leave, who is right there, and what it costs.

    Thresholds are given, or chosen on images that the training held out (`main.py --held-out`);
    all figures are those of test images.
    """

    run: tyro.conf.Positional[str]
    """The folder of a training with a recipe that says `do: exits`."""
    by: Literal["confidence", "entropy"] = "confidence"
    """How sure an exit is: the largest probability, or the entropy in nats."""
    thresholds: tuple[float, ...] = ()
    """One for all exits, or one for each."""
    share: float | None = None
    """Choose: the best accuracy for this share of the MACs of the network without exits."""
    lose: float | None = None
    """Choose: the fewest MACs that lose at most so much accuracy (0.01: one point in a hundred)."""
    path: Annotated[str | None, short("p")] = None
    """The data; default: where the training found them."""
    limit: int | None = None
    """Use only so many test images; default: as many as the training."""
    batch_size: Annotated[int, short("b")] = 64
    """Images per step."""
    device: DeviceName = "auto"
    """Where the network runs; auto is a GPU where there is one."""
    out: str | None = None
    """Write thresholds and figures into this JSON file."""
    plot: str | None = None
    """Draw accuracy against MACs: FILE.html or FILE.svg."""
    stages: str | None = None
    """Write a program (torch.export) for each stage into this folder: what runs can stop there."""

    def __post_init__(self) -> None:
        if sum((bool(self.thresholds), self.share is not None, self.lose is not None)) > 1:
            raise ValueError("give one of --thresholds, --share and --lose")
        if self.plot is not None and Path(self.plot).suffix not in (".html", ".svg"):
            raise ValueError(f"--plot {self.plot} must end with .html or .svg")


class Found(Struct, frozen=True):
    """What --out keeps: figures of test images, of `chosen_on` images where there were some."""

    leaving: Leaving | None
    macs_without_exits: int
    chosen_on: Outcome | None
    test: Outcome | None
    curve: tuple[tuple[float | None, float, float], ...]
    """Some thresholds, the same at all exits, with their accuracy and expected MACs."""


def run_exits(config: ExitsConfig) -> None:
    """The command."""
    folder = Path(config.run)
    network, subject = open_exits(folder)
    run = reopened(folder, network, subject, config.device, config.path)
    trained, data = run.config, run.data
    rule = msgspec.convert({"by": config.by}, AnyRule)
    work = work_of(network, subject.input)

    def heard_of(images: Images, what: str) -> Heard:
        steps = -(-len(images) // config.batch_size)
        batches = images.evaluation_batches(config.batch_size, run.device)
        return hear(network, progress_bar(batches, what, steps, unit="batch", leave=False), rule)

    leaving, chosen_on = _given(config, rule, network), None
    if config.share is not None or config.lose is not None:
        if trained.held_out is None:
            raise ValueError(
                f"{folder} has learnt from all training images, and thresholds are not chosen by "
                "test images: train with --held-out, or give --thresholds"
            )
        held = heard_of(data.split(trained.held_out, trained.seed).test, "held-out images")
        leaving = _chosen(config, curve_of(held, rule, work))
        chosen_on = outcome(held, leaving, work)
    test = data.test if config.limit is None else data.limited(config.limit).test
    heard = heard_of(test, "test images")
    curve = curve_of(heard, rule, work)
    result = None if leaving is None else outcome(heard, leaving, work)
    rows = [(curve.thresholds[n], curve.accuracy[n], curve.macs[n]) for n in curve.evenly(ROWS)]
    print("\n".join(told(network.places, work, leaving, chosen_on, result)))
    print(f"\none threshold at all exits, {len(test):,} test images:")
    print("\n".join(rows_told(rows, work)))
    if config.out is not None:
        write_json(config.out, Found(leaving, work.alone, chosen_on, result, tuple(rows)))
    if config.plot is not None:
        _draw(config.plot, curve, subject.name, result)
        print(f"\n{config.plot}")
    if config.stages is not None:
        files = write_stages(network, subject.input, Path(config.stages))
        print(f"\nstages: {', '.join(map(str, files))}")


def _given(config: ExitsConfig, rule: AnyRule, network: WithExits) -> Leaving | None:
    if not config.thresholds:
        return None
    count, each = len(network.exits), config.thresholds
    leaving = Leaving(thresholds=each * count if len(each) == 1 else each, rule=rule)
    leaving.tests(count)
    return leaving


def _chosen(config: ExitsConfig, curve: Curve) -> Leaving:
    """By held-out images."""
    if config.share is not None:
        return curve.leaving(curve.within_macs(config.share * curve.macs[0]))
    assert config.lose is not None
    return curve.leaving(curve.within_loss(config.lose))


def _draw(path: str, curve: Curve, name: str, result: Outcome | None) -> None:
    marked = [(curve.macs[0], curve.accuracy[0], "without exits")]
    if result is not None:
        marked.append((result.macs, result.accuracy, "these thresholds"))
    chart = curve_chart(curve, f"{name}: accuracy against work", marked)
    if path.endswith(".svg"):
        write_svg(path, chart)
    else:
        write_page(path, f"{name} with exits", "Figures of test images.", [chart])
