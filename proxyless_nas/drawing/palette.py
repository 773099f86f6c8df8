"""One colour per kind of thing, the same all over a page; safe for colour-blind readers."""

from collections.abc import Iterable

# Light and dark of one hue take turns, as candidates usually come in pairs (expansion 3 and 6).
FILLS = (
    "#a6cdee", "#0b5fa5", "#f7c66f", "#c2500a", "#e5b3d1", "#8f2a68", "#a5d9c4", "#13745a",
)  # fmt: skip
SKIP = "#b9bec5"


def classes_of(labels: Iterable[str]) -> dict[str, str]:
    """Style class by label, in order of first appearance; `skip` is always grey."""
    found: dict[str, str] = {}
    for label in labels:
        if label.lower() == "skip":
            found.setdefault(label, "kind-skip")
        elif label not in found:
            taken = sum(1 for known in found.values() if known != "kind-skip")
            found[label] = f"kind-{taken % len(FILLS)}"
    return found


def contrast(colour: str) -> str:
    """Style class of text that can be read on a colour."""
    last = colour.removeprefix("kind-")
    return "on-dark" if last.isdigit() and int(last) % 2 else "on-light"


def palette_css() -> str:
    """The rules that give the classes their fill."""
    rules = [f".kind-{index} {{ fill: {fill}; }}" for index, fill in enumerate(FILLS)]
    return "\n".join([*rules, f".kind-skip {{ fill: {SKIP}; }}"])
