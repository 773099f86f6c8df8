"""Make HTML and SVG where everything that is not markup yet gets escaped."""

import html
from collections.abc import Iterable

CLOSED = {"circle", "line", "meta", "path", "polygon", "polyline", "rect"}


class Markup(str):
    """Text that is already HTML. A plain `str` is what somebody wrote, and is escaped."""

    __slots__ = ()


def tag(name: str, *children: str, **attributes: str | float | None) -> Markup:
    """`<name attributes>children</name>`; `class_` is class, `font_size` is font-size."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_attribute(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in CLOSED and not children:
        return Markup(f"<{name}{written}/>")
    return Markup(f"<{name}{written}>{join(children)}</{name}>")


def join(parts: Iterable[str]) -> Markup:
    """One after the other; whatever is not Markup is escaped."""
    return Markup(
        "".join(part if isinstance(part, Markup) else html.escape(part) for part in parts)
    )


def number(value: float) -> str:
    """A coordinate: a tenth of a pixel is enough."""
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def _attribute(value: str | float) -> str:
    return html.escape(value) if isinstance(value, str) else number(value)
