"""Mayo's searches: nothing of a recipe, but a command here that is near to them."""

from compression.readers.arguments import is_number
from compression.readers.mayo.files import said, section
from compression.readers.mayo.layers import Layers
from compression.readers.mayo.notes import Notes
from compression.readers.mayo.variables import must_be_variables
from proxyless_nas.language.config import Config
from proxyless_nas.language.merging import split_key
from proxyless_nas.language.values import refuse

SAID = {"accuracy": ("baseline", "tolerance"), "max_epochs": ("profile", "fine_tune")}
"""Keys within keys."""
KEYS = ("mode", "cost_key", "max_steps", "max_epochs", "accuracy", "variables")
GOALS = {"macs": "macs=0.5x", "memory": "bytes=0.5x"}
"""A goal for what a search there would lower; how far is not said there."""
KNOBS = "channels and bits of layers are what moves here, not parameters of overriders"


def tell_searches(config: Config, layers: Layers, notes: Notes) -> None:
    """Notes for `search` and the older `retrain`.

    ValueError with FILE:LINE for an unknown key, a layer that is not there, and what is no number.
    """
    network = layers.subject.source
    if section(config, "search", KEYS):
        for key, known in SAID.items():
            for own in section(config, f"search.{key}", known):
                _number(config, f"search.{key}.{own}")
        must_be_variables(config, layers)
        words = [_command(config, network, "search.accuracy.tolerance"), KNOBS]
        if _word(config, "search.mode") == "global":
            words.append("one knob after another moves, there all at once (mode: global)")
        if said(config, "search.max_epochs.fine_tune"):
            words.append("only what is found is tuned (--epochs), there every step is")
        words.append("accuracy is that on images of the search, there that of training")
        _say(config, "search", words, notes)
    if section(config, "retrain"):
        words = [_command(config, network, "retrain.tolerance"), KNOBS]
        _say(config, "retrain", words, notes)


def _command(config: Config, network: str, tolerance: str) -> str:
    cost = _word(config, "search.cost_key") or "memory"
    key = "search.accuracy.baseline"
    share, base = _number(config, tolerance, 0.0), _number(config, key, 1.0)
    for name, value in ((tolerance, share), (key, base)):
        if not 0 <= value <= 1:
            refuse(config.place(name), split_key(name), f"{value} is no share of 0 to 1")
    points = 100 * share * base
    goal = f"{GOALS.get(cost, GOALS['memory'])} accuracy_drop={points:g}"
    return (
        f"python -m compression auto --arch {network} --weights FILE --out DIR --strategy "
        f'back-tracking --floor {points:g} --goal "{goal}" (how far, you say)'
    )


def _word(config: Config, key: str) -> str | None:
    value = config.get(key) if key in config else None
    if value is not None and not isinstance(value, str):
        refuse(config.place(key), split_key(key), f"a word, not {value!r}")
    return value


def _number(config: Config, key: str, usual: float = 0.0) -> float:
    """A finite number; the `usual` one where none is said. ValueError with FILE:LINE else."""
    value = config.get(key) if key in config else None
    if value is None:
        return usual
    if not is_number(value):
        refuse(config.place(key), split_key(key), f"{value!r} is no number")
    return value


def _say(config: Config, name: str, words: list[str], notes: Notes) -> None:
    place = config.place(name)
    assert place is not None
    notes.say(place, name, "differs", "; ".join([f"no recipe: {words[0]}", *words[1:]]))
