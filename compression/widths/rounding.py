"""How many channels stay where a share of them goes and widths are multiples of something."""


def kept_of(width: int, share: float, multiple: int = 1) -> int:
    """Of `width` channels, those that stay when `share` of them goes; at least `multiple`.

    The number that is left is rounded to a multiple, halves up, as in Vitis. A group no wider than
    `multiple` stays as it is. ValueError for a share outside 0 to 1 and for a multiple below 1.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"a share of channels lies between 0 and 1, not at {share:g}")
    if multiple < 1:
        raise ValueError(f"widths cannot be multiples of {multiple}")
    if width <= multiple:
        return width
    left = int((1 - share) * width)
    return max(multiple, (2 * left + multiple) // (2 * multiple) * multiple)
