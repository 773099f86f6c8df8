"""The second step: which channels go, so that the goal is met; nothing is tuned yet."""

from collections.abc import Mapping, Sequence

from compression.channels.groups import Channels
from compression.pruning.config import Pruning
from compression.pruning.deciding import Decision
from compression.pruning.figures import Figures, table_of
from compression.pruning.finetune import must_not_be_tuned
from compression.pruning.whole import Whole
from compression.pruning.widths_file import REPAIRED, WIDTHS, Widths
from compression.refit import Refitted
from compression.widths import chosen_of
from proxyless_nas.files import write_json
from proxyless_nas.weights import save_tensors


def prune(config: Pruning) -> None:
    """Write widths.json, and say what is left and how good it is without tuning."""
    whole = Whole(config)
    if whole.channels.split:
        print(whole.channels.split)
    decision = Decision(whole)
    gone = decision.gone()
    chosen = chosen_of(gone, whole.ranking)
    pruned, fitted = decision.thin(gone), list[Refitted]()
    figures = [Figures.of("whole", whole.network, whole.shape, whole.judge(whole.network))]
    figures.append(Figures.of("pruned", pruned, whole.shape, whole.judge(pruned)))
    if config.repair is not None:
        masked, fitted = whole.repaired(chosen)
        pruned = whole.without(chosen, masked)
        figures.append(Figures.of("repaired", pruned, whole.shape, whole.judge(pruned)))
    other_weights = pruned if fitted else None
    widths = Widths.of(whole.subject, whole.network, whole.channels, chosen, other_weights)
    must_not_be_tuned(config, widths)
    if fitted:
        save_tensors(whole.folder / REPAIRED, pruned.state_dict())
    recalibrated = whole.judge(pruned, recalibrate=True)
    write_json(whole.folder / WIDTHS, widths)
    print(widths_table(whole.channels, chosen))
    if fitted:
        print(f"\n{repair_told(fitted)}")
    print()
    print(table_of(figures))
    print(
        f"\ntop-1 with batch norms recalibrated: {recalibrated.top1:.2%}, untuned; all of "
        f"{recalibrated.images:,} training images set aside\n{whole.folder / WIDTHS}: "
        "`python -m compression finetune` tunes what is left"
    )


def repair_told(fitted: Sequence[Refitted]) -> str:
    """How far layers were off, and are."""
    before = sum(one.before for one in fitted) / len(fitted)
    after = sum(one.after for one in fitted) / len(fitted)
    return (
        f"{len(fitted)} layers that took what is gone were fitted anew: on average their answers "
        f"are off by {after:.2%} in squares, not {before:.2%}"
    )


def widths_table(channels: Channels, gone: Mapping[str, Sequence[int]]) -> str:
    """One line per group: its width before and after."""
    widest = max(len(group.name) for group in channels.groups)
    lines = [f"{'channels of':<{widest}}  whole  pruned"]
    for group in channels.groups:
        left = group.width - len(gone.get(group.name, ()))
        with_it = f"  with {len(group.makers) - 1} more" if len(group.makers) > 1 else ""
        lines.append(f"{group.name:<{widest}}  {group.width:>5}  {left:>6}{with_it}")
    return "\n".join(lines)
