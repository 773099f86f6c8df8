"""The first step: how much accuracy each group of channels is worth."""

from compression.pruning.config import Pruning
from compression.pruning.whole import Whole
from compression.sensitivity.page import write_shown

HARMLESS = 0.01


def ana(config: Pruning) -> None:
    """Try every share of every group, and say what each may lose."""
    whole = Whole(config)
    if whole.channels.split:
        print(whole.channels.split)
    found = whole.sensitivity()
    print(
        f"{whole.subject.name}: top-1 {found.whole.top1:.2%} of {found.whole.images:,} training "
        f"images set aside; what one group alone may lose for {100 * HARMLESS:g} point of that:"
    )
    widest = max(len(group.name) for group in whole.channels.groups)
    drops_of = found.drops()
    for group in whole.channels.groups:
        drops = drops_of[group.name]
        free = max((gone for gone, drop in drops if drop <= HARMLESS), default=0)
        gone, drop = max(drops)
        print(
            f"  {group.name:<{widest}}  {free:>4} of {group.width:>4} channels; "
            f"{drop:.1%} without {gone}"
        )
    print(write_shown(found, whole.folder))
