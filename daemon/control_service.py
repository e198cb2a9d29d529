"""The arguments of the calls about the configuration in effect."""

from msgspec import Struct


class Nothing(Struct, frozen=True, forbid_unknown_fields=True):
    """A call without arguments."""


ARGUMENTS: dict[str, type[Struct]] = {"config.reload": Nothing, "config.show": Nothing}
