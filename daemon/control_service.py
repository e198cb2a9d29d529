"""The arguments of the calls about the configuration in effect."""

from msgspec import Struct

from pulsarack.daemon.control_values import Nothing

ARGUMENTS: dict[str, type[Struct]] = {"config.reload": Nothing, "config.show": Nothing}
