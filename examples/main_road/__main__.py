"""`make demo`: measure, search, train, compare, export, report."""

import time
from collections.abc import Callable
from pathlib import Path

from examples.main_road import stages
from examples.main_road.compressing import compress_networks, files
from examples.main_road.config import RoadConfig
from examples.main_road.stages import Road
from examples.main_road.tell import scalars_of, story_of, table_lines
from proxyless_nas.command import Command, run_one
from proxyless_nas.spaces import named_layout
from search.report import write_report
from training.datasets import Reading, open_dataset
from training.run_folder import RunFolder

STAGES: tuple[tuple[str, str, Callable[[Road], None]], ...] = (
    ("table", "measure the blocks on this machine", stages.measure_table),
    ("search", "search for the target", stages.search_network),
    ("train", "train the searched, hand-made and random networks", stages.train_networks),
    ("compress", "compress the searched and the widest hand-made network", compress_networks),
    ("export", "export to ONNX", stages.export_network),
    ("measure", "measure the networks", lambda road: stages.time_networks(road, files(road))),
)


def main(config: RoadConfig) -> None:
    """Walk the road from where an earlier walk stopped, then print one table."""
    layout = named_layout(config.space)
    reading = Reading(resolution=layout.input.height)
    data = open_dataset(config.dataset, config.path, reading)
    data.must_fit(layout.input, layout.classes)
    folder = RunFolder(config.out, config)
    road = Road(config, Path(config.out))
    done = {line["stage"] for line in folder.records()}
    for number, (name, what, walk) in enumerate(STAGES, start=1):
        if name in done:
            print(f"[{number}/{len(STAGES)}] {what}: done before", flush=True)
            continue
        print(f"[{number}/{len(STAGES)}] {what}", flush=True)
        start = time.monotonic()
        walk(road)
        folder.log(number, {"stage": name, "seconds": time.monotonic() - start})
    story = story_of(road)
    write_report(story, road.folder / "report.html")
    if "report" not in done:
        folder.log(len(STAGES) + 1, {"stage": "report", "networks": scalars_of(story)})
    print()
    for line in table_lines(story, stages.timed(road), road.table()):
        print(line)
    print(f"\nreport: {road.folder / 'report.html'}")


if __name__ == "__main__":
    run_one("python -m examples.main_road", Command(RoadConfig, main))
