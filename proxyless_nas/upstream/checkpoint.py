"""Find a network's tensors in a checkpoint, whoever wrote it: all of them, or one clear reason."""

from collections.abc import Mapping
from typing import Any

import torch
from msgspec import Struct
from torch import Tensor

from proxyless_nas.network import NetworkSpec
from proxyless_nas.upstream.names import NAMINGS

WRAPPERS = ("state_dict", "model")
PARALLEL = "module."
COUNTER = "num_batches_tracked"  # torch before 0.4.1 did not write it


class Reading(Struct, frozen=True):
    """One way to read a checkpoint: our names in its vocabulary, and its tensors in the same."""

    theirs: dict[str, str]
    found: dict[str, str]

    @property
    def known(self) -> int:
        """How many of the checkpoint's names belong to the network."""
        return len(self.found.keys() & set(self.theirs.values()))


def tensors_for(
    spec: NetworkSpec | None, own: Mapping[str, Tensor], content: Any
) -> dict[str, Tensor]:
    """What a checkpoint holds, under the names of `own`, the state dict of a network of `spec`.

    Understood are our names and every naming of `NAMINGS`, at the top or under `state_dict` or
    `model`, with or without the `module.` of a parallel wrapper. A missing counter of batches is
    0. Without a spec, for a module that is none of ours, only its own names are understood.
    ValueError says the first difference: a tensor missing, unknown or of another shape.
    """
    state = _state_dict(content)
    reading = max(_readings(spec, own, state), key=lambda reading: reading.known)
    if len(reading.found) < len(state):
        doubled = next(key for key in state if key not in reading.found.values())
        raise ValueError(f"it holds {doubled} twice, under two names")
    if reading.known == 0:
        first = next(iter(state), "nothing")
        raise ValueError(f"none of its {len(state)} tensors has a name of it (first: {first})")
    tensors: dict[str, Tensor] = {}
    for name, theirs in reading.theirs.items():
        if theirs in reading.found:
            tensors[name] = state[reading.found[theirs]]
        elif name.endswith(COUNTER):
            tensors[name] = torch.zeros_like(own[name])
        else:
            raise ValueError(f"it lacks {theirs}")
    ours = {theirs: name for name, theirs in reading.theirs.items()}
    for theirs, key in reading.found.items():
        if theirs not in ours:
            raise ValueError(f"it has an unknown {key}")
        shape, right = list(state[key].shape), list(own[ours[theirs]].shape)
        if shape != right:
            raise ValueError(f"its {key} has the shape {shape}, not {right}")
    return tensors


def _state_dict(content: Any) -> dict[str, Tensor]:
    if not isinstance(content, dict):
        raise ValueError(f"it holds a {type(content).__name__}, not a state dict")
    for wrapper in WRAPPERS:
        if isinstance(content.get(wrapper), dict):
            content = content[wrapper]
            break
    for key, value in content.items():
        if not isinstance(value, Tensor):
            raise ValueError(
                f"its {key} is a {type(value).__name__}, not a tensor; a state dict is looked for "
                f"at the top and under {' and '.join(WRAPPERS)}"
            )
    if all(key.startswith(PARALLEL) for key in content):
        return {key.removeprefix(PARALLEL): value for key, value in content.items()}
    return content


def _readings(
    spec: NetworkSpec | None, own: Mapping[str, Tensor], state: Mapping[str, Tensor]
) -> list[Reading]:
    readings = [Reading({name: name for name in own}, {key: key for key in state})]
    if spec is None:
        return readings
    for naming in NAMINGS:
        modules = naming.modules(spec)
        if modules is not None:
            theirs = {name: _rename(name, modules) for name in own}
            readings.append(Reading(theirs, {naming.spelling(key): key for key in state}))
    return readings


def _rename(name: str, modules: Mapping[str, str]) -> str:
    module, _, tensor = name.rpartition(".")
    return f"{modules[module]}.{tensor}"
