"""The arguments of the calls about channels, as `control_arguments.py` has those of all others."""

from typing import Annotated

from msgspec import Meta, Struct

Channel = Annotated[str, Meta(pattern=r"^[a-z]{1,20}\Z")]
Shown = Annotated[int, Meta(ge=1, le=1000)]


class ChannelList(Struct, frozen=True, forbid_unknown_fields=True):
    """channel.list."""


class InboxList(Struct, frozen=True, forbid_unknown_fields=True):
    """inbox.list: the newest `limit`, of one channel if it is named."""

    channel: Channel | None = None
    limit: Shown | None = None


class OutboxList(Struct, frozen=True, forbid_unknown_fields=True):
    """outbox.list: what waits, or the newest `limit` of all."""

    all: bool | None = None
    limit: Shown | None = None


ARGUMENTS: dict[str, type[Struct]] = {
    "channel.list": ChannelList,
    "inbox.list": InboxList,
    "outbox.list": OutboxList,
}
