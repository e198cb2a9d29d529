"""The arguments of events.follow: what a follower wants to see of all that happens."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from pulsarack.daemon.control_values import Name, RowId

MOST = 50
"""So many values of one criterion."""

Names = Annotated[list[Name], Meta(max_length=MOST)]
Kind = Literal["order", "chip", "stock", "sms", "modem"]
Outcome = Literal["SUCCEEDED", "FAILED", "CANCELLED", "REVERSED", "UNKNOWN"]


class EventsFollow(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """events.follow: every criterion that is given must be met, by any one of its values.

    A chip is named by its ICCID or by its last digits, four at least.
    """

    kind: Annotated[list[Kind], Meta(max_length=MOST)] = []
    agent: Names = []
    chip: Names = []
    operator: Names = []
    state: Names = []
    outcome: Annotated[list[Outcome], Meta(max_length=MOST)] = []
    order: Annotated[list[RowId], Meta(max_length=MOST)] = []
    slot: Names = []


ARGUMENTS: dict[str, type[Struct]] = {"events.follow": EventsFollow}
