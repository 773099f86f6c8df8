"""A made-up but realistic story for the tests of the report."""

import math
import random

from proxyless_nas import NetworkSpec, hand_made, named_space
from search.report import (
    Prediction,
    SearchedEdge,
    SearchPoint,
    Story,
    TableCheck,
    TrainedNetwork,
    TrainingCurve,
)
from search.report.story import Family

SPACE = named_space("fashion")
CHOICE = tuple(
    wish % count for wish, count in zip((1, 4, 2, 0, 3, 1, 4, 2) * 9, SPACE.counts, strict=False)
)


def trained(spec: NetworkSpec, family: Family, accuracy: float, ms: float) -> TrainedNetwork:
    return TrainedNetwork(
        name=spec.name,
        family=family,
        spec=spec,
        test_accuracy=accuracy,
        parameters=spec.parameters,
        macs=spec.macs,
        predicted_ms=1.03 * ms,
        measured_ms=ms,
        measured_p50_ms=0.99 * ms,
        measured_p90_ms=1.08 * ms,
        epochs=30,
        seed=7,
    )


def pretend_ms(spec: NetworkSpec) -> float:
    """A latency that looks like one: a part per layer and a part per MAC."""
    return 0.012 * len(spec.layers()) + spec.macs / 9e6


def sample_networks(chance: random.Random) -> tuple[TrainedNetwork, ...]:
    found = [trained(SPACE.network(CHOICE, "searched-0.6ms"), "searched", 0.9342, 0.612)]
    for width, accuracy in (
        (0.35, 0.9182),
        (0.5, 0.9251),
        (0.75, 0.9308),
        (1.0, 0.9349),
        (1.4, 0.9371),
    ):
        spec = hand_made("fashion", width)
        found.append(trained(spec, "hand-made", accuracy, pretend_ms(spec)))
    for index in range(8):
        options = [chance.randrange(count) for count in SPACE.counts]
        spec = SPACE.network(options, f"random-{index}")
        ms = pretend_ms(spec)
        found.append(trained(spec, "random", 0.90 + 0.04 * ms + chance.gauss(0, 0.002), ms))
    return tuple(found)


def sample_edges() -> tuple[SearchedEdge, ...]:
    return tuple(
        SearchedEdge(name, labels, kept)
        for (name, labels), kept in zip(SPACE.decisions, CHOICE, strict=True)
    )


def sample_points(
    edges: tuple[SearchedEdge, ...], chance: random.Random
) -> tuple[SearchPoint, ...]:
    logits = [[0.0] * len(edge.candidates) for edge in edges]
    points: list[SearchPoint] = []
    for index in range(240):
        warm = index < 60
        for row, best in zip(logits, CHOICE, strict=True):
            for option in range(len(row)):
                pull = 0.035 if option == best else 0.0
                row[option] += 0.0 if warm else pull + chance.gauss(0, 0.05)
        rows = [[math.exp(logit) for logit in row] for row in logits]
        rows = [[value / sum(row) for value in row] for row in rows]
        entropy = -sum(p * math.log(p) for row in rows for p in row) / len(rows)
        points.append(
            SearchPoint(
                step=25 * index,
                epoch=index / 4,
                phase="warm-up" if warm else "search",
                train_loss=0.3 + 1.9 * math.exp(-index / 30) + chance.gauss(0, 0.02),
                gate_loss=None if warm else 0.45 + 0.3 * math.exp(-(index - 60) / 50),
                valid_accuracy=0.91 - 0.4 * math.exp(-index / 25) if index % 4 == 0 else None,
                probabilities=tuple(tuple(row) for row in rows),
                expected=0.62 + 0.25 * math.exp(-index / 60),
                derived=0.6 + 0.1 * (index < 130) + 0.02 * (index < 180),
                entropy=entropy,
                options=tuple(row.index(max(row)) for row in rows),
            )
        )
    return tuple(points)


def sample_story() -> Story:
    chance = random.Random(3)
    edges = sample_edges()
    networks = sample_networks(chance)
    parts = {name: block.layers(name, shape) for name, block, shape in networks[0].spec.placed()}
    block_ms = {
        name: 0.012 * len(layers) + sum(layer.macs for layer in layers) / 9e6
        for name, layers in parts.items()
        if layers
    }
    predictions = tuple(
        Prediction(
            each.name,
            each.measured_ms * chance.gauss(1.25, 0.05),
            each.measured_ms * chance.gauss(1.0, 0.04),
            each.measured_ms,
        )
        for each in networks
    )
    epochs = tuple(float(epoch) for epoch in range(1, 31))
    curves = tuple(
        TrainingCurve(
            each.name, epochs, tuple(each.test_accuracy - 0.2 * math.exp(-e / 6) for e in epochs)
        )
        for each in networks[:4]
    )
    return Story(
        title="A network for this laptop",
        date="2025-11-22",
        commit="0123abc",
        device="AMD EPYC 9R14, 1 thread",
        runtime="onnxruntime 1.23, CPU",
        dataset="Fashion-MNIST",
        space="fashion",
        space_size=SPACE.size,
        target_ms=0.6,
        tolerance=0.05,
        searched="searched-0.6ms",
        seed=7,
        command="python -m search --space fashion --budget 0.6 --table tables/epyc.json",
        edges=edges,
        networks=networks,
        points=sample_points(edges, chance),
        check=TableCheck(predictions, 0.254, 0.034, 0.981, 0.012, 0.192),
        block_ms={**block_ms, "overhead": 0.03},
        curves=curves,
        seconds={"measure the table": 312.0, "search": 4210.0, "train": 6900.5, "time": 41.2},
        fingerprint={"kernel": "6.1.0", "governor": "performance", "threads": "1"},
        test_images=10_000,
    )
