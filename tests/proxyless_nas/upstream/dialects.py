"""How the relatives of the original spell the same config: functions from config to config."""

from collections.abc import Callable
from typing import Any

Config = dict[str, Any]
INVERTED = ("MBInvertedConvLayer", "MBConvLayer")


def everywhere(change: Callable[[Config], Any], part: Any) -> Any:
    """`part` with `change` applied to every object in it, innermost first."""
    if isinstance(part, list):
        return [everywhere(change, item) for item in part]
    if isinstance(part, dict):
        return change({key: everywhere(change, value) for key, value in part.items()})
    return part


def of_search(part: Config) -> Config:
    """The search code names `mid_channels` and leaves it null."""
    return {"mid_channels": None, **part} if part.get("name") in INVERTED else part


def of_mcunet(part: Config) -> Config:
    """MCUNet and the gaze networks also say what the first release took for granted."""
    if part.get("name") in INVERTED:
        return {"mid_channels": None, "act_func": "relu6", "use_se": False, **part}
    return {**part, "ws_eps": None} if "eps" in part else part


def of_specialised(part: Config) -> Config:
    """Once-for-All's specialised networks write widths, those of shortcuts as lists."""
    name = part.get("name")
    if name in INVERTED and part["expand_ratio"] != 1 and "mid_channels" not in part:
        mid = round(part["in_channels"] * part["expand_ratio"])
        return {**part, "mid_channels": mid, "expand_ratio": 4}
    if name == "IdentityLayer":
        return {**part, **{key: [part[key]] for key in ("in_channels", "out_channels")}}
    return part


def of_later(part: Config) -> Config:
    """The newer Once-for-All renamed blocks and layers and added keys."""
    match part.get("name"):
        case "MobileInvertedResidualBlock":
            conv = part["mobile_inverted_conv"]
            return {"name": "ResidualBlock", "conv": conv, "shortcut": part["shortcut"]}
        case "MBInvertedConvLayer":
            return {**part, "name": "MBConvLayer", "groups": None}
        case "ConvLayer":
            return {**part, "use_se": False}
        case "ZeroLayer":
            return {"name": "ZeroLayer"}
        case None if "eps" in part:
            return {**part, "ws_eps": None, "gn_channel_per_group": None}
    return part


def of_half_renamed(part: Config) -> Config:
    """Once-for-All also reads its own block with the old key."""
    renamed = part.get("name") == "MobileInvertedResidualBlock"
    return {**part, "name": "ResidualBlock"} if renamed else part


def of_nulls(part: Config) -> Config | None:
    """An empty operation is null."""
    return None if part.get("name") == "ZeroLayer" else part


def of_zero_shortcuts(part: Config) -> Config:
    """No shortcut is a shortcut that adds nothing."""
    absent = "shortcut" in part and part["shortcut"] is None
    return {**part, "shortcut": {"name": "ZeroLayer", "stride": 1}} if absent else part


def of_another_order(part: Config) -> Config:
    """Keys stand anywhere."""
    return dict(reversed(part.items()))


DIALECTS = (
    *(of_search, of_mcunet, of_specialised, of_later, of_half_renamed),
    *(of_nulls, of_zero_shortcuts, of_another_order),
)
