"""What goes wrong, and for which order: by schedule, or by a seeded draw.

Each top-up attempt that reaches an operator has a number, counted per operator from 1. A schedule
names numbers; a mix gives each kind a probability. The draw of one attempt depends on the seed,
the operator and that number alone, so a run that is repeated meets the same faults whatever the
timing was.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from random import Random


class FaultKind(Enum):
    """The kinds of trouble between an operator's booking and the product's reading of it."""

    DONE_NO_REPLY = "done_no_reply"
    NOT_DONE_NO_REPLY = "not_done_no_reply"
    LATE_SMS = "late_sms"
    SPLIT_REPLY = "split_reply"
    DOUBLED_REPLY = "doubled_reply"
    FOREIGN_REPLY = "foreign_reply"
    GARBLED_LINE = "garbled_line"
    HANG = "hang"
    URC_STORM = "urc_storm"
    STOCK_IN = "stock_in"
    OPERATOR_BUSY = "operator_busy"
    LATE_BOOKING = "late_booking"
    UNPLUG = "unplug"


@dataclass(frozen=True)
class Fault:
    """One fault as it strikes. What is None is drawn from the attempt's own randomness.

    done: whether the top-up is booked (hang and unplug only); report: whether an SMS report
    follows a lost reply; seconds: how long a hang, an absence or a delay lasts, virtual.
    """

    kind: FaultKind
    seconds: float | None = None
    done: bool | None = None
    report: bool | None = None


@dataclass(frozen=True)
class ScheduledFault:
    """A fault for one attempt of one operator (of every operator when operator is None)."""

    at_order: int
    fault: Fault
    operator: str | None = None


@dataclass(frozen=True)
class FaultPlan:
    """All trouble of a rack: the schedule first, then the mix."""

    schedule: tuple[ScheduledFault, ...] = ()
    mix: Mapping[FaultKind, float] | None = None

    def draw(self, operator: str, number: int, rng: Random) -> Fault | None:
        """The fault of this operator's attempt `number`, or None. Always draws exactly once."""
        roll = rng.random()
        for entry in self.schedule:
            if entry.at_order == number and entry.operator in (None, operator):
                return entry.fault
        for kind, share in (self.mix or {}).items():
            if roll < share:
                return Fault(kind)
            roll -= share
        return None
