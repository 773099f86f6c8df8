"""Collect what the stages left behind: the table for the terminal and the story for the report."""

import subprocess
import sys
from datetime import UTC, datetime

import msgspec

from examples.main_road.compressing import SEARCHED, squeezed
from examples.main_road.stages import Road, Timed, timed
from latency_tables.cost import TableLatency
from latency_tables.devices import LocalMachine
from latency_tables.report import CheckReport
from latency_tables.table import LatencyTable
from proxyless_nas import load_spec, named_space
from proxyless_nas.files import read_json
from search.problems import Architecture
from search.report import (
    CompressedNetwork,
    Prediction,
    SearchedEdge,
    Story,
    TableCheck,
    TrainedNetwork,
    points_of,
)
from search.report.squeezing import verdicts
from search.report.story import Family
from search.report.verdict import speed_verdict, target_verdict
from search.run import Found
from training.run_folder import read_log

TOLERANCE = 0.05


def networks_of(road: Road) -> tuple[TrainedNetwork, ...]:
    """Every trained network with its figures; the searched one as measured from model.onnx."""
    cost, seen, found = TableLatency(road.table()), timed(road), []
    for name, spec in road.specs().items():
        measured = seen.exported if name == SEARCHED else seen.networks[name]
        found.append(
            TrainedNetwork(
                name=name,
                family=family_of(name),
                spec=spec,
                test_accuracy=road.result(name).top1,
                parameters=spec.parameters,
                macs=spec.macs,
                predicted_ms=cost.network(spec),
                measured_ms=measured.p10_ms,
                measured_p50_ms=measured.p50_ms,
                measured_p90_ms=measured.p90_ms,
                epochs=road.config.epochs,
                seed=road.config.seed,
            )
        )
    return tuple(found)


def compressed_of(road: Road) -> tuple[CompressedNetwork, ...]:
    """Every compressed network with its figures; latencies are of one session."""
    seen, found = timed(road), []
    for one in squeezed(road):
        if one.report is None:
            continue
        name, network = one.wish.name, one.wish.network
        measured = seen.compressed[name]
        whole = seen.exported if network == SEARCHED else seen.networks[network]
        found.append(
            CompressedNetwork(
                name=name,
                kind="both" if network == SEARCHED else "compression",
                test_accuracy=one.report.stages[-1].test,
                macs=one.report.macs,
                measured_ms=measured.p10_ms,
                measured_p50_ms=measured.p50_ms,
                measured_p90_ms=measured.p90_ms,
                before=one.report.stages[0].test,
                before_ms=whole.p10_ms,
                done=one.told(),
                images=one.report.test_images,
            )
        )
    return tuple(found)


def family_of(name: str) -> Family:
    """The family that a network's name tells."""
    if name == SEARCHED:
        return "searched"
    return "hand-made" if name.startswith("hand-made") else "random"


def table_lines(story: Story, seen: Timed, table: LatencyTable) -> list[str]:
    """The one table of the demo, the fastest network first, and what it says."""
    assert story.result is not None
    lines = [
        f"{'network':<15}{'test top-1':>11}{'measured ms':>13}{'predicted ms':>14}"
        f"{'M MACs':>9}{'parameters':>12}"
    ]
    for one in sorted(story.networks, key=lambda one: one.measured_ms):
        lines.append(
            f"{one.name:<15}{one.test_accuracy:>11.2%}{one.measured_ms:>13.4f}"
            f"{one.predicted_ms:>14.4f}{one.macs / 1e6:>9.2f}{one.parameters:>12,}"
        )
    own, exported = seen.networks[SEARCHED].p10_ms, seen.exported
    speed = exported.at_table_speed(table) / exported.p10_ms
    return [
        *lines,
        "",
        f"searched: {story.result.measured_ms:.4f} ms measured, "
        f"{target_verdict(story, story.result)}",
        speed_verdict(story),
        *verdicts(story),
        f"(p10 of CPU time, {story.runtime}, one thread, batch 1; searched: as model.onnx, "
        f"{exported.p10_ms / own:.3f} x the time of the table's own graph; the core now runs at "
        f"{speed:.3f} x its speed of the table's session)",
    ]


def scalars_of(story: Story) -> dict[str, dict[str, float]]:
    """Accuracy and latencies of every network, for the log and TensorBoard."""
    return {
        one.name: {
            "test_accuracy": one.test_accuracy,
            "measured_ms": one.measured_ms,
            "predicted_ms": one.predicted_ms,
        }
        for one in story.networks
    }


def story_of(road: Road) -> Story:
    """Everything the report shows."""
    config, table = road.config, road.table()
    space = named_space(config.space)
    problem = Architecture(space)
    cost = TableLatency(table)
    spec = load_spec(str(road.spec_path))
    found = read_json(road.folder / "search" / "found.json", Found)
    identity = table.head.identity
    shares = {name: cost.block(block, shape) for name, block, shape in spec.placed()}
    shares["overhead"] = cost.fixed()
    device = identity.device
    assert isinstance(device, LocalMachine)  # the road measures where it walks
    return Story(
        title=f"A network for {device.cpu}",
        date=datetime.now(UTC).strftime("%Y-%m-%d"),
        commit=commit(),
        device=f"{device.cpu}, {identity.threads} thread",
        runtime=f"{identity.runtime.name} {identity.runtime.version}",
        dataset="Fashion-MNIST" if config.dataset == "fashion" else config.dataset,
        space=space.name,
        space_size=space.size,
        target_ms=road.target_ms(),
        tolerance=TOLERANCE,
        searched=SEARCHED,
        seed=config.seed,
        command=f"python -m examples.main_road {' '.join(sys.argv[1:])}",
        edges=tuple(
            SearchedEdge(knob.name, knob.labels, option)
            for knob, option in zip(problem.knobs, found.options, strict=True)
        ),
        networks=networks_of(road),
        compressed=compressed_of(road),
        refused={one.wish.name: one.refused for one in squeezed(road) if one.refused is not None},
        points=points_of(read_log(road.folder / "search" / "log.jsonl")),
        check=check_of(read_json(f"{road.table_path}.check.json", CheckReport)),
        block_ms=shares,
        seconds={
            line["stage"]: line["seconds"]
            for line in read_log(road.folder / "log.jsonl")
            if "seconds" in line
        },
        test_images=road.result(SEARCHED).images,
        fingerprint={key: str(value) for key, value in msgspec.to_builtins(device).items()},
    )


def check_of(report: CheckReport) -> TableCheck:
    """The table's errors on networks that its calibration did not see."""
    return TableCheck(
        predictions=tuple(
            Prediction(f"network {index + 1}", one.raw_ms, one.calibrated_ms, one.truth_ms)
            for index, one in enumerate(report.networks)
            if one.role == "test"
        ),
        mape_raw=report.raw.mape,
        mape=report.calibrated.mape,
        spearman=report.calibrated.spearman,
        noise_floor=report.noise_floor,
        macs_mape=report.macs_line.mape,
    )


def commit() -> str:
    """The commit of this checkout, with a + where files differ from it."""
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty=+"], capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or "unknown"
