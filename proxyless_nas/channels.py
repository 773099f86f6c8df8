"""How numbers of channels are rounded."""


def round_channels(channels: float, multiple: int = 8) -> int:
    """The nearest multiple, at least one, and never more than 10 % below (MobileNet's rule)."""
    rounded = max(multiple, int(channels + multiple / 2) // multiple * multiple)
    return rounded + multiple if rounded < 0.9 * channels else rounded
