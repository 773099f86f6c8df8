"""What became of an overrider of Mayo's: a kind of ours and what differs, or why there is none."""

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from compression.overriders import AnyOverrider
from compression.readers.arguments import typed
from compression.readers.mayo.pins import Given
from compression.readers.reading import Verdict


class Filters(Struct, frozen=True):
    """A step of its own: the `share` of kernels with the least sum of sizes is zero."""

    share: float


class Ranks(Struct, frozen=True):
    """A step of its own: so many singular values of a layer go."""

    gone: int


class Slim(Struct, frozen=True):
    """Steps of their own: scales of batch norms are pressed, and channels leave by them."""

    density: float
    strength: float
    together: bool
    """Whether the density is that of all layers together, not of each."""


AnyMade = AnyOverrider | Filters | Ranks | Slim


class Made(Struct, frozen=True):
    """A kind, and in what it differs; or None, and why it cannot be."""

    kind: AnyMade | None
    differs: tuple[str, ...] = ()
    why: str = ""
    told: tuple[str, ...] = ()
    """What there is to say of it besides."""

    @property
    def verdict(self) -> Verdict:
        """In a word."""
        return "cannot be" if self.kind is None else "differs" if self.differs else "translated"

    @property
    def words(self) -> str:
        """In a sentence."""
        if self.kind is None:
            return self.why
        config = self.kind.__struct_config__
        tag = str(config.tag) if config.tag is not None else ""
        return "; ".join(one for one in (tag, *self.told, *self.differs) if one)


class Common(Struct, frozen=True, kw_only=True):
    """What every class takes."""

    should_update: bool = True
    enable: bool = True


class Kind(Struct, frozen=True):
    """The arguments of a class, and what they become."""

    args: type[Common]
    does: Callable[[Any, Given], Made]

    def made(self, given: Given) -> Made:
        """ValueError with FILE:LINE for arguments that the class does not take."""
        return self.does(typed(self.args, given.args, given.place, given.told), given)


def built(
    kind: Callable[..., AnyMade], *differs: str, told: tuple[str, ...] = (), **values: Any
) -> Made:
    """A kind with these values; where they are beyond what it knows here, that it cannot be."""
    try:
        return Made(kind(**values), differs, told=told)
    except ValueError as error:
        return Made(None, why=str(error))
