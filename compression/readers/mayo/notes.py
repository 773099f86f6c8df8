"""Notes that are gathered by what they say: one for all layers over which an overrider stands."""

from compression.readers.reading import Note, Verdict
from proxyless_nas.language.values import Place


class Notes:
    """All that there is to say, in the order in which it was said first."""

    def __init__(self) -> None:
        self._said: dict[tuple[Place, str, Verdict, str], list[str]] = {}

    def say(self, place: Place, what: str, verdict: Verdict, words: str, layer: str = "") -> None:
        """A note; where all but the `layer` was said before, it is one note of several layers."""
        layers = self._said.setdefault((place, what, verdict, words), [])
        if layer and layer not in layers:
            layers.append(layer)

    def all(self) -> tuple[Note, ...]:
        """File by file, and by line within each."""
        files = list(dict.fromkeys(key[0].file for key in self._said))
        notes = [
            Note(place, what, verdict, f"{', '.join(layers)}: {words}" if layers else words)
            for (place, what, verdict, words), layers in self._said.items()
        ]
        return tuple(
            sorted(notes, key=lambda note: (files.index(note.place.file), note.place.line))
        )
