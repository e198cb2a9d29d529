"""All events of the log, room by room."""

from collections.abc import Mapping
from typing import Final

from pulsarack.daemon.logs.catalogue import channels, office, orders, rack, schedules, service
from pulsarack.daemon.logs.catalogue.event import Event

ROOMS: Final[Mapping[str, tuple[Event, ...]]] = {
    "Orders and money": orders.EVENTS,
    "Modems and chips": rack.EVENTS,
    "Channels": channels.EVENTS,
    "Admins and backups": office.EVENTS,
    "The service": service.EVENTS,
    "What is done by itself": schedules.EVENTS,
}
EVENTS: Final[Mapping[str, Event]] = {
    event.name: event for room in ROOMS.values() for event in room
}
