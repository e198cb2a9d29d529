"""The same event thousands of times a second must not drown the others: it is counted instead.

Of each event, from each source (slot, chip, channel, agent, ...), the first ones of half a minute
are written, and of the others one line with their number, `log.suppressed`, when that time is
over. What money depends on, and what is one line an order, is always written.

It stands early in the chain, so that what is left out costs next to nothing. Nothing waits here:
a new line of the same kind, or `look` from time to time, finds that the time is over. Threads
may come at the same time; at worst a count is off by one.
"""

from collections.abc import Callable, Mapping, MutableMapping
from typing import Any, Final

import structlog
from structlog.typing import WrappedLogger

WINDOW_MS = 30_000
FIRST = 20
"""So many of a kind are written in each window."""
KEYS_MOST = 1024
AGAIN_MS = 1_000

# Callers that are refused come in thousands; `pulsarack status` has the figures by kind.
FIRST_OF: Final[Mapping[str, int]] = {"pressure.refused": 1}
_ALWAYS: Final = """
    order.accepted order.finished order.undecided order.needs_decision order.reversed
    order.decided_by_text commission.overdrawn commission.exchanged ticket.paid ticket.cancelled
    admin.acted admin.role_set audit.finding bank.imported bank_row.assigned
    credit.proposed credit.refused agent.credited
    stock.discrepancy discrepancy.cleared reply.unparsed sms.contradiction http.request
    daemon.started daemon.stopping daemon.stopped daemon.part_failed log.suppressed log.lost
"""
ALWAYS: Final = frozenset(_ALWAYS.split())
SOURCES: Final = (
    "slot", "chip", "channel", "kind", "code", "agent", "member", "call", "part",
)  # fmt: skip

Event = MutableMapping[str, Any]
Key = tuple[object, ...]


class _Window:
    __slots__ = ("began_at", "count")

    def __init__(self, began_at: int) -> None:
        self.began_at = began_at
        self.count = 0

    def is_over(self, now_ms: int) -> bool:
        # Also when the clock was put back: else it would be quiet for as long.
        return not 0 <= now_ms - self.began_at < WINDOW_MS


class Storms:
    """A processor for structlog, behind the one that adds the bound fields."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self.suppressed = 0
        self._now_ms = now_ms
        self._windows: dict[Key, _Window] = {}
        self._looked_at = 0

    def goes_by(self, now_ms: Callable[[], int] | None) -> bool:
        """Whether this is its clock."""
        return now_ms == self._now_ms

    def __call__(self, logger: WrappedLogger, method: str, event: Event) -> Event:
        """The event, if it is to be written; structlog.DropEvent if not."""
        name = event.get("event")
        if name in ALWAYS:
            return event
        now = self._now_ms()
        key = _key(name, event)
        window = self._windows.get(key)
        if window is None or window.is_over(now):
            window = self._open(key, window, now)
        window.count += 1
        if window.count <= FIRST_OF.get(str(name), FIRST):
            return event
        self.suppressed += 1
        raise structlog.DropEvent

    def look(self) -> None:
        """Tell what was left out in the windows that are over, and forget these."""
        now = self._looked_at = self._now_ms()
        over = [(key, one) for key, one in list(self._windows.items()) if one.is_over(now)]
        untold: dict[tuple[object, object], list[tuple[Key, int]]] = {}
        for key, window in over:
            self._windows.pop(key, None)
            if left := _left_out(key, window):
                untold.setdefault((key[0], key[1 + SOURCES.index("kind")]), []).append((key, left))
        for (name, kind), sources in untold.items():
            _tell(name, kind, sources)

    def _open(self, key: Key, before: _Window | None, now: int) -> _Window:
        if before is None and len(self._windows) >= KEYS_MOST:
            if abs(now - self._looked_at) >= AGAIN_MS:  # a look takes longer than a line
                self.look()
            if len(self._windows) >= KEYS_MOST:
                # A storm of sources: all that are new are one.
                key = (key[0], *(None for _ in SOURCES))
                before = self._windows.get(key)
                if before is not None and not before.is_over(now):
                    return before
        window = self._windows[key] = _Window(now)
        if before is not None and (left := _left_out(key, before)):
            _tell(key[0], key[1 + SOURCES.index("kind")], [(key, left)])
        return window


def _key(name: object, event: Event) -> Key:
    # What a library says is any text; it is known by its name.
    named = event.get("library", name) if name == "library.said" else name
    key = (named, *map(event.get, SOURCES))
    try:
        hash(key)
    except TypeError:  # a list, or another thing that is no name of a source
        return tuple(map(str, key))
    return key


def _left_out(key: Key, window: _Window) -> int:
    return max(0, window.count - FIRST_OF.get(str(key[0]), FIRST))


def _tell(name: object, kind: object, sources: list[tuple[Key, int]]) -> None:
    count = sum(left for _, left in sources)
    of_one = sources[0][0][1:] if len(sources) == 1 else ()
    where = {
        source: value for source, value in zip(SOURCES, of_one, strict=False) if value is not None
    }
    if kind is not None:
        where["kind"] = kind
    structlog.get_logger().warning(
        "log.suppressed",
        what=name,
        count=count,
        seconds=WINDOW_MS // 1000,
        sources=len(sources),
        **where,
    )
