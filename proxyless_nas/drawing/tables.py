"""A table whose figures stand right-aligned: on a page, where it scrolls inside itself, as text."""

from collections.abc import Sequence

from proxyless_nas.drawing.markup import Markup, tag


def table(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    left: int = 1,
    strong: Sequence[int] = (),
) -> Markup:
    """The first `left` columns hold words, the others figures; rows in `strong` stand out."""
    top = tag(
        "tr", *(tag("th", name, class_=_side(i, left), scope="col") for i, name in enumerate(head))
    )
    body = [
        tag(
            "tr",
            *(tag("td", cell, class_=_side(i, left)) for i, cell in enumerate(row)),
            class_="strong" if index in strong else None,
        )
        for index, row in enumerate(rows)
    ]
    whole = tag("table", tag("thead", top), tag("tbody", *body))
    return tag("div", whole, class_="scroll")


def table_lines(
    head: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1
) -> tuple[str, ...]:
    """The same for a terminal: a line for the head and one per row."""
    whole = [head, *rows]
    widths = [max(map(len, column)) for column in zip(*whole, strict=True)]
    return tuple(
        "  ".join(
            cell.ljust(width) if index < left else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in whole
    )


def pairs(rows: Sequence[tuple[str, str]]) -> Markup:
    """Two columns without a head: a name and what belongs to it."""
    body = [tag("tr", tag("th", name, scope="row"), tag("td", what)) for name, what in rows]
    return tag("table", tag("tbody", *body), class_="pairs")


def _side(index: int, left: int) -> str:
    return "words" if index < left else "figures"
