"""Roles: what `_overrider` fills, and references give to layers; no name is lost in silence."""

from collections.abc import Iterator
from typing import Any

from compression.readers.mayo.files import said, section
from compression.readers.mayo.layers import HELD
from compression.readers.mayo.notes import Notes
from compression.readers.mayo.pins import GRADIENT, Pins
from proxyless_nas.files import did_you_mean
from proxyless_nas.language.config import Config
from proxyless_nas.language.references import REFERENCE, target_of
from proxyless_nas.language.values import Arithmetic, Items, Map, Path, refuse

ROLES = "_overrider"
KNOWN = (
    *HELD, "activation", "activations", GRADIENT, f"{GRADIENT}s", "prep", "conv", "fc", "logits",
    "squeeze", "expand1", "expand3", "depthwise", "pointwise",
)  # fmt: skip
"""What Mayo's own files call tensors and roles."""


def tell_roles(config: Config, found: Pins, notes: Notes) -> None:
    """Notes where no layer has a role, and for a filled one to which nothing refers.

    ValueError with FILE:LINE for one to which nothing refers and whose name is nearly a known one.
    """
    place = said(config, ROLES)
    if place is None:
        return
    roles = section(config, ROLES)
    if not found.pins:
        why = "no layer has a role: read the file that gives its layers theirs, too"
        notes.say(place, ROLES, "cannot be", why)
    used = {target[1] if len(target) > 1 else "" for target in _targets(config.root, ())}
    if "" in used:
        return
    for role, value, at in roles.lines():
        if role in used or role.startswith("_"):
            continue
        why = f"nothing refers to it by $({ROLES}.{role})"
        if role not in KNOWN and (hint := did_you_mean(role, [*KNOWN, *used])):
            refuse(at, (ROLES, role), f"{why}{hint}")
        if found.pins and _fills(value):
            notes.say(at, f"{ROLES}.{role}", "cannot be", f"{why}: it is left out")


def _targets(value: Any, path: Path) -> Iterator[Path]:
    """Where references lead that stand outside of what they refer to: to roles."""
    if isinstance(value, Map):
        for key, one in value.items():
            yield from _targets(one, (*path, key))
    elif isinstance(value, Items):
        for index, one in enumerate(value):
            yield from _targets(one, (*path, str(index)))
    text = value.text if isinstance(value, Arithmetic) else value
    for match in REFERENCE.finditer(text) if isinstance(text, str) else ():
        target = target_of(match[1], path)
        if target is not None and target[0] == ROLES and target[:2] != path[:2]:
            yield target


def _fills(value: Any) -> bool:
    """Whether an overrider stands there itself, not a reference to one."""
    if not isinstance(value, Map):
        return False
    return isinstance(value.get("type"), str) or any(map(_fills, value.values()))
