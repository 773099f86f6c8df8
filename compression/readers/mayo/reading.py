"""Files of Mayo's as a recipe: overriders become steps, a learning rate a rule."""

from collections.abc import Sequence

from compression.readers.mayo.chains import Chains
from compression.readers.mayo.files import merged_files, section
from compression.readers.mayo.gating import gates_of
from compression.readers.mayo.layers import Layers
from compression.readers.mayo.narrower import narrower
from compression.readers.mayo.notes import Notes
from compression.readers.mayo.pins import Pins
from compression.readers.mayo.roles import tell_roles
from compression.readers.mayo.searching import tell_searches
from compression.readers.mayo.trainer import Trainer
from compression.readers.reading import Reading
from compression.recipe import Recipe
from proxyless_nas.subject import Subject


def read(files: Sequence[str], subject: Subject, learnt: int) -> Reading:
    """The recipe in files, and values `key=value`, that are merged from left to right.

    It goes on `learnt` epochs behind its beginning. FileNotFoundError for no file, ValueError with
    FILE:LINE for an unknown layer, class or argument, and for what else is wrong in one.
    """
    config, notes = merged_files(files), Notes()
    section(config, "model")
    layers, found = Layers(subject), Pins(config)
    built = {name: layers.built(name, place) for name, place in found.layers}
    for name, place in found.layers:
        if not built[name] and any(pin.layer == name for pin in found.pins):
            notes.say(place, name, "translated", "it leads nowhere in this network, as there")
    pins = [pin for pin in found.pins if built[pin.layer]]
    replaced = narrower(pins, layers)
    gates = gates_of(found.gates, layers, notes, replaced)
    steps = Chains(layers, notes, learnt, gates, replaced).steps(pins)
    tell_roles(config, found, notes)
    rates = Trainer(config, notes, learnt).rates()
    tell_searches(config, layers, notes)
    recipe = Recipe(steps, rates) if steps or rates else None
    return Reading(recipe=recipe, notes=notes.all())
