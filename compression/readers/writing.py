"""Write a file of ours as a person would: YAML without what goes without saying."""

from typing import Any

import yaml
from msgspec import NODEFAULT, Struct, to_builtins
from msgspec.structs import fields

from compression.pruning.config import Pruning
from compression.recipe import Recipe


def recipe_text(recipe: Recipe | Pruning, heading: str) -> str:
    """The YAML that is read as a recipe, or as the file of the four steps of pruning.

    It stands behind comment lines with the `heading`.
    """
    head = "".join(f"# {line}\n" for line in heading.splitlines())
    body = yaml.safe_dump(plain(recipe), sort_keys=False, default_flow_style=None, width=100)
    return head + body


def plain(value: Any) -> Any:
    """Dicts, lists and scalars; of a struct only the fields that are not at their default."""
    if isinstance(value, Struct):
        config = value.__struct_config__
        tagged = {config.tag_field: config.tag} if config.tag_field is not None else {}
        return tagged | {
            field.encode_name: plain(own)
            for field in fields(value)
            if (own := getattr(value, field.name)) != field.default or field.default is NODEFAULT
        }
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, dict):
        return {key: plain(own) for key, own in value.items()}
    return to_builtins(value)
