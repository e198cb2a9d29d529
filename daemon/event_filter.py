"""Which events a follower wants: a pure function, asked before an event is kept for him.

So a follower of one agent does not fill up with the orders of all others, and loses none of his
own because of them.
"""

from collections.abc import Callable, Iterable
from typing import Any

from pulsarack.daemon.control_events import EventsFollow

Event = dict[str, Any]
_SHORTEST_ENDING = 4


def wanted_by(args: EventsFollow) -> Callable[[Event], bool] | None:
    """The question for each event; None if all are wanted."""
    tests = [
        *_named(args.kind, lambda event: event.get("kind")),
        *_named(args.agent, lambda event: event.get("agent")),
        *_named(args.operator, lambda event: event.get("operator")),
        *_named(args.state, lambda event: event.get("state")),
        *_named(args.outcome, _outcome),
        *_named(args.slot, lambda event: event.get("slot")),
        *_chips(args.chip),
        *_orders(args.order),
    ]
    if not tests:
        return None
    return lambda event: all(test(event) for test in tests)


Test = Callable[[Event], bool]


def _named(wanted: Iterable[str], value_of: Callable[[Event], Any]) -> list[Test]:
    """Names are compared without regard to capitals."""
    names = frozenset(name.casefold() for name in wanted)
    if not names:
        return []
    return [lambda event: str(value_of(event) or "").casefold() in names]


def _outcome(event: Event) -> Any:
    return event.get("state") if event.get("kind") == "order" else None


def _chips(wanted: Iterable[str]) -> list[Test]:
    whole = frozenset(wanted)
    if not whole:
        return []
    endings = tuple(one for one in whole if len(one) >= _SHORTEST_ENDING)

    def test(event: Event) -> bool:
        chip = event.get("chip") or event.get("iccid") or ""
        return chip in whole or chip.endswith(endings)

    return [test]


def _orders(wanted: Iterable[int]) -> list[Test]:
    ids = frozenset(wanted)
    if not ids:
        return []
    return [lambda event: event.get("kind") == "order" and event.get("id") in ids]
