"""All kinds of overriders, and whether some of them can stand in one chain."""

from collections.abc import Sequence

from compression.masks.methods import AnyMethod, Method
from compression.overriders.base import ELEMENTS, Of
from compression.overriders.binary import ThresholdBinary
from compression.overriders.grids import AnyGrid
from compression.overriders.incremental import Incremental
from compression.overriders.mixed import Mixed
from compression.overriders.recentre import Recentre
from compression.overriders.ternary import Ternary

AnyOverrider = AnyGrid | Ternary | ThresholdBinary | Recentre | Incremental | Mixed | AnyMethod


def must_chain(chain: Sequence[AnyOverrider], of: Of) -> None:
    """ValueError for an empty chain, two of a kind, or a kind that cannot stand there."""
    if not chain:
        raise ValueError(
            "an empty `chain` overrides nothing: name a kind, such as {by: fixed, ...}"
        )
    names = [kind.__struct_config__.tag for kind in chain]
    for name, kind in zip(names, chain, strict=True):
        if names.count(name) > 1:
            raise ValueError(f"two overriders of a chain are `{name}`: leave one of them out")
        if isinstance(kind, Method) and kind.remembers:
            raise ValueError(f"`{name}` with `of: first` stands in a mask step, not in a chain")
        fits = ELEMENTS if isinstance(kind, Method) else kind.fits
        if of not in fits:
            raise ValueError(f"`{name}` as it is asked for is no overrider of {of}, but of "
                             f"{', '.join(fits)}")  # fmt: skip


def looks(kind: AnyOverrider) -> bool:
    """Whether it chooses something by the numbers that it is shown."""
    return isinstance(kind, Method) or kind.looks


def once(kind: AnyOverrider) -> bool:
    """Whether nothing is chosen behind the first refresh."""
    return not isinstance(kind, Method) and kind.once


def refreshes(kind: AnyOverrider) -> int:
    """How often it must be refreshed to do what it says."""
    return 1 if isinstance(kind, Method) else kind.refreshes
