"""Numbers in a network's code that are counts of channels, and stay known as such."""

from compression.channels.atoms import Ids


class Count(int):
    """How many of the channels `ids` there are, or what was computed from it."""

    ids: Ids

    @staticmethod
    def of(number: int, ids: Ids) -> "Count":
        """`number`, which changes when some of `ids` leave."""
        count = Count(number)
        count.ids = ids
        return count

    def __floordiv__(self, other: int) -> "Count":
        return Count.of(int(self) // int(other), self.ids)

    def __mul__(self, other: int) -> "Count":
        return Count.of(int(self) * int(other), self.ids)

    __rmul__ = __mul__
