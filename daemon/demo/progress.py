"""How a demonstration stands, worked out from what the daemon tells.

Events come from a stream that breaks when the daemon is killed, answers come beside it,
and after a gap the state of each open order is asked for again; so the same news may
come twice and old news late. An order that has ended never opens again here, and one
that is known never goes back to QUEUED because of an answer that took longer than the
event it overtook.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

FINAL = frozenset({"SUCCEEDED", "FAILED", "CANCELLED", "REVERSED"})


class Progress:
    """Orders by id, chips by ICCID, and what the agents were told."""

    def __init__(self, wanted: int) -> None:
        self.wanted = wanted
        self.states: dict[int, str] = {}
        self.chips: dict[str, dict[str, Any]] = {}
        # Orders whose message has come and was acknowledged, with the ids it came under.
        self.told: dict[int, set[int]] = {}
        self.refused: Counter[str] = Counter()
        self.kills = 0
        # Counts every change, so that a watcher can tell "nothing moves" from "slowly".
        self.changes = 0

    @property
    def accepted(self) -> int:
        """Orders that the daemon has acknowledged."""
        return len(self.states)

    @property
    def finished(self) -> int:
        """Orders that have ended."""
        return sum(state in FINAL for state in self.states.values())

    @property
    def undecided(self) -> int:
        """Orders of which nobody knows."""
        return sum(state == "UNKNOWN" for state in self.states.values())

    @property
    def counts(self) -> Counter[str]:
        """How many orders are in each state."""
        return Counter(self.states.values())

    def open_orders(self) -> list[int]:
        """The ids of the orders that have not ended."""
        return [number for number, state in self.states.items() if state not in FINAL]

    def untold(self) -> list[int]:
        """The ids of ended orders whose message has not come."""
        return [
            number
            for number, state in self.states.items()
            if state in FINAL and number not in self.told
        ]

    def order(self, number: int, state: str) -> None:
        """An order is in that state, as an event or a fresh look says."""
        old = self.states.get(number)
        if old != state and old not in FINAL:
            self.states[number] = state
            self.changes += 1

    def acknowledged(self, number: int, state: str) -> None:
        """The answer to an order; events that overtook it know better."""
        if number not in self.states or state in FINAL:
            self.order(number, state)

    def event(self, event: Mapping[str, Any]) -> bool:
        """Takes one event of events.follow; False if some were lost before it."""
        kind = event.get("kind")
        if kind == "order":
            self.order(event["id"], event["state"])
        elif kind == "chip":
            self._chip(event["iccid"])["doing"] = event["doing"]
        elif kind == "stock":
            self._chip(event["iccid"])["stock_read"] = event["stock"]
        return kind != "lost"

    def chip_rows(self, rows: list[dict[str, Any]]) -> None:
        """What chip.list says."""
        for row in rows:
            self._chip(row["iccid"]).update(row)

    def message(self, number: int, message_id: int) -> None:
        """The final message of an order was taken by its agent."""
        self.told.setdefault(number, set()).add(message_id)
        self.changes += 1

    def _chip(self, iccid: str) -> dict[str, Any]:
        return self.chips.setdefault(iccid, {})
