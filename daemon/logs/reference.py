"""The reference of all events as Markdown: docs/events.md is exactly this text."""

from collections.abc import Iterator

from pulsarack.daemon.logs.catalogue.event import Event
from pulsarack.daemon.logs.catalogue.every import EVENTS, ROOMS
from pulsarack.daemon.logs.fields import FIELDS
from pulsarack.daemon.logs.journal_entry import field_name
from pulsarack.daemon.logs.storms import ALWAYS, FIRST, WINDOW_MS

_HEAD = f"""# The events of the log

Written by `pulsarack events --markdown`; do not edit. One event: `pulsarack events NAME`.

Every line of the log is an event: a name, a level, and fields. The levels are for whoever keeps
the service: **debug** is for developers, **info** is what happened, **warning** is to be looked
at today, **error** is to be looked at now.

Under systemd each field is one of the journal's, in capitals, so the journal finds it at once:

    journalctl -u pulsarack ORDER=1234
    journalctl -u pulsarack CHIP=8962100012345678901 -p warning
    journalctl -u pulsarack AGENT=kios1 EVENT=order.finished --since today -o json
    journalctl -u pulsarack -F EVENT

Where the journal has a field of that name itself ours has `PULSARACK_` before it. The line for
people is `MESSAGE`. `[daemon] log_format` chooses: `journal` as said, `json` one object a line,
`text` lines for people; `auto` is `journal` under systemd, `text` on a terminal, else `json`.
No secret is in any line (PINs, keys and passwords are `****`).

Of an event that comes again and again from one source (slot, chip, agent, ...) the first {FIRST} of
{WINDOW_MS // 1000} seconds are written; the others are one `log.suppressed` with their number. What
money depends on is always written; such events are marked with *.
"""


def markdown() -> str:
    """The whole text."""
    return "\n".join([_HEAD, *_rooms(), *_fields()]) + "\n"


def _rooms() -> Iterator[str]:
    for room, events in ROOMS.items():
        yield f"## {room}\n"
        yield "| event | level | what it means | what to do | fields |"
        yield "|---|---|---|---|---|"
        for event in sorted(events):
            yield _row(event)
        yield ""


def _row(event: Event) -> str:
    star = " *" if event.name in ALWAYS else ""
    fields = " ".join(f"`{name}`" for name in event.names if name != "exc_info")
    return f"| `{event.name}`{star} | {event.level} | {event.means} | {event.do} | {fields} |"


def _fields() -> Iterator[str]:
    yield "## Fields\n"
    yield "`chip` and `slot` stand in every line that is about one, besides those named above.\n"
    yield "| field | in the journal | meaning |"
    yield "|---|---|---|"
    yield "| `event` | `EVENT` | the event's name |"
    used = {name for event in EVENTS.values() for name in event.names}
    for name in sorted(used - {"exc_info"}):
        yield f"| `{name}` | `{field_name(name)}` | {FIELDS[name]} |"
