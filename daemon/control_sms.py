"""The arguments of the calls about texts over the chips."""

from typing import Literal

from msgspec import Struct

from pulsarack.daemon.control_values import Name

Switch = Literal["on", "off", "default"]


class ChipChannel(Struct, frozen=True, forbid_unknown_fields=True):
    """chip.channel: what is not given stays; "default" is what the configuration says."""

    iccid: Name
    receives: Switch | None = None
    answers: Switch | None = None


ARGUMENTS: dict[str, type[Struct]] = {"chip.channel": ChipChannel}
