"""The auditor's watch over time and measure: when orders may be sent and when they may not.

It looks at each commit, at virtual time, which no step of the daemon's clock touches. A chip
in service sends no sooner after its last order than its pause, no more orders an hour than
its limit, and never below its reserve. An order is sent within its time, and is not given up
before.
"""

import tomllib
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Row = tuple[Any, ...]
HOUR = 3600.0
# A claim is decided a moment before it is committed, and a small step of the clock moves nothing.
SLACK = 4.0
# An idle daemon looks at its clock so rarely, seconds.
LOOKS = 15.0
# What stays of a chip's stock and what is not sold below it are counted when it is claimed; what
# a late text takes in the same commit comes on top.
_CHIP = "SELECT state, why FROM chip WHERE iccid = ?"
_LEFT = "SELECT debits_posted - credits_posted - credits_held FROM account WHERE code = ?"


@dataclass(frozen=True)
class Settings:
    """What the plan's configuration says, read on its own."""

    reserve: int
    pause: float
    per_hour: int
    time_limit: float


def read_settings(text: str) -> Settings:
    """The settings of a plan."""
    found = tomllib.loads(text)
    chips, orders = found["chips"], found["orders"]
    return Settings(
        chips["reserve"], chips["pause_seconds"], chips["per_hour"], orders["time_limit_seconds"]
    )


class Limits:
    """One for a whole history. `rows` asks the database, `find` takes what is broken."""

    def __init__(
        self, settings: Settings, rows: Callable[..., list[Row]], find: Callable[[str, str], None]
    ) -> None:
        self._settings = settings
        self._rows = rows
        self._find = find
        self._attempt = 0
        self._moved = 0
        self._accepted: dict[int, float] = {}
        self._claimed: dict[str, float] = {}
        self._claims_of: dict[str, dict[int, float]] = defaultdict(dict)
        self._delivered: set[int] = set()
        self._states: dict[str, str] = {}
        self._set_at: list[float] = []  # when the clock was set
        self._unfollowed: list[float] = []  # when a daemon came up that had not seen it set
        self._gone_at: float | None = None

    def stopped(self, at: float) -> None:
        """The daemon died, at virtual seconds."""
        self._gone_at = at

    def clock_set(self, at: float) -> None:
        """Somebody set the daemon's clock, at virtual seconds."""
        self._set_at.append(at)

    def committed(self, at: float) -> None:
        """The daemon committed something, at virtual seconds."""
        if self._gone_at is not None:
            if any(one > self._gone_at - LOOKS for one in self._set_at):
                self._unfollowed.append(at)
            self._gone_at = None
        self._follow_orders(at)
        for row in self._rows(
            "SELECT a.id, a.chip, a.order_id, a.closed_at FROM attempt a WHERE a.id > ?"
            " ORDER BY a.id",
            (self._attempt,),
        ):
            self._attempt = row[0]
            if row[3] is None:  # or it is there to book a delivery that was proved late
                self._claims(at, *row[:3])
        self._states = dict(self._rows("SELECT iccid, state FROM chip"))

    def delivered(self, attempt: int) -> None:
        """An operator booked a top-up."""
        self._delivered.add(attempt)

    def _follow_orders(self, at: float) -> None:
        for number, order, state in self._rows(
            "SELECT id, order_id, state FROM transition WHERE id > ? ORDER BY id", (self._moved,)
        ):
            self._moved = number
            self._accepted.setdefault(order, at)
            if state == "FAILED":
                self._given_up(order, at)

    def _given_up(self, order: int, at: float) -> None:
        ((reason,),) = self._rows("SELECT reason FROM orders WHERE id = ?", (order,))
        accepted, limit = self._accepted[order], self._settings.time_limit
        # A clock that is set ahead while the daemon is away looks like a long stop.
        if reason == "EXPIRED" and at - accepted < limit - SLACK and not self._deceived(accepted):
            self._find("P6", f"order {order} was given up after {at - accepted:.0f} of {limit} s")

    def _deceived(self, since: float) -> bool:
        """Whether since then a daemon came up with a clock that was set meanwhile."""
        return any(at > since for at in self._unfollowed)

    def _last_hour(self, chip: str, at: float) -> int:
        """How many orders a chip carried; one that is held for not done does not count."""
        claimed = self._claims_of[chip].items()
        late = [one for one, when in claimed if when > at - HOUR + SLACK and one in self._delivered]
        marks = ", ".join("?" for _ in late)
        query = f"SELECT count(*) FROM attempt WHERE id IN ({marks}) AND outcome IS NOT 'NOT_DONE'"
        return int(self._rows(query, tuple(late))[0][0])

    def _claims(self, at: float, attempt: int, chip: str, order: int) -> None:
        what = f"attempt {attempt} of order {order} on chip {chip}"
        settings = self._settings
        ((state, why),) = self._rows(_CHIP, (chip,))
        if state != "ACTIVE" and self._states.get(chip, state) != "ACTIVE":
            self._find("P8", f"{what} while it is {state}: {why}")
        ((left,),) = self._rows(_LEFT, (f"asset:chip:{chip}",))
        if left < settings.reserve:
            self._find("P8", f"{what} leaves {left}, the reserve is {settings.reserve}")
        before = self._claimed.get(chip)
        if before is not None and at - before < settings.pause - SLACK:
            self._find("P8", f"{what} comes {at - before:.1f} s after the last")
        self._claimed[chip] = self._claims_of[chip][attempt] = at
        sold = self._last_hour(chip, at)
        if sold >= settings.per_hour:
            self._find("P8", f"{what} comes after {sold} in the last hour")
        waited = at - self._accepted[order]
        if waited > settings.time_limit + SLACK and not self._deceived(self._accepted[order]):
            self._find("P8", f"{what} comes {waited:.0f} s after the order")
