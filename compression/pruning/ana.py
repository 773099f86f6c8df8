"""The first step: how much accuracy each group of channels is worth."""

from compression.pruning.config import Pruning
from compression.pruning.whole import Whole
from compression.sensitivity import csv_of
from compression.sensitivity.page import write_page
from proxyless_nas.files import write_bytes

CSV = "sensitivity.csv"
PAGE = "sensitivity.html"
HARMLESS = 0.01


def ana(config: Pruning) -> None:
    """Try every share of every group, and say what each may lose."""
    whole = Whole(config)
    found = whole.sensitivity()
    write_bytes(whole.folder / CSV, csv_of(found).encode())
    print(
        f"{whole.subject.name}: top-1 {found.whole.top1:.2%} on {found.whole.images:,} images kept "
        f"from training; what one group alone may lose for {HARMLESS:.0%} of it:"
    )
    widest = max(len(group.name) for group in whole.channels.groups)
    for group in whole.channels.groups:
        drops = found.drops()[group.name]
        free = max((gone for gone, drop in drops if drop <= HARMLESS), default=0)
        gone, drop = max(drops)
        print(
            f"  {group.name:<{widest}}  {free:>4} of {group.width:>4} channels; "
            f"{drop:.1%} without {gone}"
        )
    write_page(found, whole.folder / PAGE)
    print(f"all tries: {whole.folder / CSV}, drawn: {whole.folder / PAGE}")
