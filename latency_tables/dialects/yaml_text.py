"""The YAML that ProxylessNAS and Once-for-All share: key -> count, mean, and var or std."""

from collections.abc import Mapping
from typing import Literal

import yaml

from latency_tables.dialects.base import Price, spread, time_ms


def read_yaml(text: str) -> dict[str, Price]:
    """The prices by key; a deviation may be written as `var` or as `std`, or not at all."""
    try:
        _check_keys(yaml.compose(text, Loader=yaml.SafeLoader))
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(f"it is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict) or not content:
        raise ValueError("it is no YAML map of keys to prices")
    return {str(key): _price(str(key), value) for key, value in content.items()}


def write_yaml(prices: Mapping[str, Price], deviation: Literal["var", "std"]) -> str:
    """The map, its keys sorted; what is not known is left out."""
    content: dict[str, dict[str, float | int]] = {}
    for key, price in prices.items():
        content[key] = {"mean": price.mean_ms}
        if price.count is not None:
            content[key]["count"] = price.count
        if price.std_ms is not None:
            content[key][deviation] = price.std_ms ** (2 if deviation == "var" else 1)
    return yaml.safe_dump(content, width=1000)


def _price(key: str, value: object) -> Price:
    if not isinstance(value, dict) or "mean" not in value:
        raise ValueError(f"{key} has no mean")
    count = value.get("count")
    if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 0):
        raise ValueError(f"{key}: {count!r} is no count")
    std = spread(value["std"], key) if "std" in value else None
    if std is None and "var" in value:
        std = spread(value["var"], key) ** 0.5
    return Price(time_ms(value["mean"], key), std, count)


def _check_keys(root: yaml.Node | None) -> None:
    """ValueError for a key that stands there twice: YAML would keep the last and say nothing."""
    if not isinstance(root, yaml.MappingNode):
        return
    seen: set[str] = set()
    for key, _ in root.value:
        if key.value in seen:
            raise ValueError(f"{key.value} stands there twice")
        seen.add(key.value)
