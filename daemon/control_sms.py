"""The arguments of the calls about texts over the chips."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

Iccid = Annotated[str, Meta(max_length=100, pattern=r"^[^\x00-\x1f\x7f-\x9f]*\Z")]
Switch = Literal["on", "off", "default"]


class ChipChannel(Struct, frozen=True, forbid_unknown_fields=True):
    """chip.channel: what is not given stays; "default" is what the configuration says."""

    iccid: Iccid
    receives: Switch | None = None
    answers: Switch | None = None


ARGUMENTS: dict[str, type[Struct]] = {"chip.channel": ChipChannel}
