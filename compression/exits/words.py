"""What the command `exits` prints."""

from collections.abc import Sequence

from compression.exits.heads import Exit
from compression.exits.leaving import Leaving
from compression.exits.score import Outcome
from compression.exits.work import Work
from proxyless_nas.drawing.tables import table_lines


def told(
    places: Sequence[Exit],
    work: Work,
    leaving: Leaving | None,
    chosen_on: Outcome | None,
    result: Outcome | None,
) -> list[str]:
    """What thresholds do, in lines; without thresholds only what the network costs."""
    lines = [f"{work.alone:,} MACs without exits; heads: {', '.join(f'{n:,}' for n in work.heads)}"]
    if leaving is None or result is None:
        return lines
    if chosen_on is not None:
        lines.append(f"chosen on {chosen_on.images:,} held-out images: {_short(chosen_on, work)}")
    lines += [f"on {result.images:,} test images: {_short(result, work)}", ""]
    names = [*(one.behind for one in places), "the end"]
    body = [
        (
            name,
            _threshold(threshold),
            f"{left.share:.1%}",
            "-" if left.accuracy is None else f"{left.accuracy:.2%}",
            f"{left.macs:,}",
        )
        for name, threshold, left in zip(
            names, (*leaving.thresholds, None), result.exits, strict=True
        )
    ]
    return [*lines, *table_lines(("leaves behind", "threshold", "share", "right", "MACs"), body)]


def _short(result: Outcome, work: Work) -> str:
    share = result.macs / work.alone
    return f"top-1 {result.accuracy:.2%}, {result.macs:,.0f} MACs expected ({share:.1%})"


def rows_told(rows: Sequence[tuple[float | None, float, float]], work: Work) -> tuple[str, ...]:
    """Thresholds with their accuracy and expected MACs, as a table."""
    body = [
        (_threshold(threshold), f"{accuracy:.2%}", f"{macs:,.0f}", f"{macs / work.alone:.1%}")
        for threshold, accuracy, macs in rows
    ]
    return table_lines(("threshold", "top-1", "MACs", "share"), body, left=0)


def _threshold(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"
