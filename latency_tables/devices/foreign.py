"""A device that somebody else measured: all that is known of it is its name."""

from msgspec import Struct


class ForeignDevice(
    Struct, frozen=True, forbid_unknown_fields=True, tag="foreign", tag_field="kind"
):
    """The device of an imported table."""

    name: str

    def same_kind(self, other: object) -> bool:
        """Whether two tables say that they come from the same device."""
        return self == other

    def __str__(self) -> str:
        return self.name
