"""Compress networks of the comparison by one command each: what that adds to the search."""

from pathlib import Path

from msgspec import Struct

from examples.main_road.stages import Road
from latency_tables.cost import TableLatency
from proxyless_nas.files import read_json, write_json
from search.auto.config import AutoConfig
from search.auto.report import Report, done
from search.auto.run import MODEL, REPORT, auto
from search.choices import NotMet

WHY, SEARCHED = "refused.json", "searched"
WISHES = "wishes.json"
LIMIT, TRIES, WIDTHS = 500, 4, 4
"""Training images that judge, networks beside the best guess, widths of each group."""
PART = 20
"""Of a slice of the data one in so many judges."""


class Wish(Struct, frozen=True, forbid_unknown_fields=True):
    """A network, and the share of its latency that it may take."""

    network: str
    share: float

    @property
    def name(self) -> str:
        """How the report calls what comes out."""
        return f"{self.network} at {self.share:g}x"


class Squeezed(Struct, frozen=True, forbid_unknown_fields=True):
    """What `auto` made of a wish, or why it could not."""

    wish: Wish
    report: Report | None = None
    refused: str | None = None

    def told(self) -> str:
        """What was done, in a few words."""
        return "" if self.report is None else "; ".join(done(self.report.compressed, short=True))


def wishes(road: Road) -> list[Wish]:
    """The searched network once more faster, and the widest hand-made one as fast as both.

    They are chosen once, and kept: a table that is calibrated anew would ask for others.
    """
    share, kept = road.config.compress_to, road.folder / WISHES
    if share is None:
        return []
    if not kept.exists():
        write_json(kept, chosen(road, share))
    return read_json(kept, list[Wish])


def chosen(road: Road, share: float) -> list[Wish]:
    """What is asked for, by the table as it is now."""
    table = TableLatency(road.table())
    widest = max(
        (one for one in road.specs().values() if one.name.startswith("hand-made")),
        key=lambda one: one.macs,
    )
    own, whole = table.network(road.specs()[SEARCHED]), table.network(widest)
    return [
        Wish(SEARCHED, share),
        *(Wish(widest.name, round(part * own / whole, 3)) for part in (1.0, share)),
    ]


def folder_of(road: Road, wish: Wish) -> Path:
    """Where one of them is compressed."""
    return road.folder / "compressed" / wish.name.replace(" ", "-")


def compress_networks(road: Road) -> None:
    """One `auto` command per wish; one that cannot be met is written down and told."""
    for wish in wishes(road):
        out = folder_of(road, wish)
        if (out / REPORT).exists() or (out / WHY).exists():
            continue
        network = road.network_folder(wish.network)
        print(f"{wish.name}:", flush=True)
        try:
            auto(config_of(road, wish, network, out))
        except NotMet as error:
            print(error)
            write_json(out / WHY, str(error))


def config_of(road: Road, wish: Wish, network: Path, out: Path) -> AutoConfig:
    """What `auto` is asked."""
    config = road.config
    return AutoConfig(
        arch=str(network / "arch.json"),
        weights=str(network / "weights.pt"),
        out=str(out),
        goal=f"latency={wish.share:g}x",
        dataset=config.dataset,
        path=config.path,
        limit=min(LIMIT, (config.limit or PART * LIMIT) // PART),
        tries=TRIES,
        widths=WIDTHS,
        epochs=config.compress_epochs,
        base_lr=0.1,
        strength=0.1,
        seed=config.seed,
        spread_s=config.spread_s,
        layers=str(network / "layers.json"),
        workers=0,
        threads=1,  # networks as small as these are not faster with more
    )


def squeezed(road: Road) -> list[Squeezed]:
    """What `compress_networks` left."""
    found: list[Squeezed] = []
    for wish in wishes(road):
        out = folder_of(road, wish)
        if (out / REPORT).exists():
            found.append(Squeezed(wish, report=read_json(out / REPORT, Report)))
        else:
            found.append(Squeezed(wish, refused=read_json(out / WHY, str)))
    return found


def files(road: Road) -> dict[str, Path]:
    """By the name of a wish, the file that was made of it."""
    made = [one.wish for one in squeezed(road) if one.report is not None]
    return {wish.name: folder_of(road, wish) / MODEL for wish in made}
