"""What every option of a knob loses, where only some of them were tried."""

from collections.abc import Mapping

import numpy as np

PER_PLACE = 4.0  # one bit less doubles the error of rounding; what is lost goes with its square


def all_losses(known: Mapping[int, float], places: np.ndarray, start: int) -> np.ndarray:
    """[options]: how much more one knob's options lose than its option `start`.

    `known` says it for those that were tried. `places` [options, axes] says where options stand
    on each axis: (weight bits, activation bits), say. What a network loses is taken to be

        constant + sum over axes of c 4^-place,

    as the squared error of uniform rounding goes with its bits. So between those that were tried,
    and beyond them, losses are linear in 4^-place along an axis; the losses of several axes add.

    LookupError where options differ from `start` along an axis on which none of them was tried.
    """
    losses = np.zeros(len(places))
    worth = PER_PLACE**-places
    for axis in range(places.shape[1]):
        tried = {float(worth[o, axis]): known[o] for o in along(places, start, axis) if o in known}
        tried[float(worth[start, axis])] = 0.0
        if len(tried) == 1:
            if (places[:, axis] != places[start, axis]).any():
                raise LookupError(f"no option that differs from the start on axis {axis} was tried")
            continue
        x = np.array(sorted(tried))
        y = np.array([tried[one] for one in x.tolist()])
        right = np.searchsorted(x, worth[:, axis]).clip(1, len(x) - 1)
        slope = (y[right] - y[right - 1]) / (x[right] - x[right - 1])
        losses += y[right] + slope * (worth[:, axis] - x[right])
    for option, loss in known.items():
        losses[option] = loss
    return losses


def along(places: np.ndarray, start: int, axis: int) -> list[int]:
    """The options that differ from `start` on this axis alone."""
    differs = places != places[start]
    differs_only_here = differs[:, axis] & (differs.sum(axis=1) == 1)
    return np.flatnonzero(differs_only_here).tolist()
