"""What follows from each reason when an attempt is proved not done: one pure table.

The order's side: FAIL ends it, RETRY lets it route again after a delay (always
within the order's time). The chip's side: KEEP it, let it REST for a while or for
the day, or take it OUT until an admin has looked. `same_chip` says whether this
order may try the same chip again soon.
"""

from dataclasses import dataclass
from enum import StrEnum

from pulsarack.ussd.outcome import Reason


class OrderFate(StrEnum):
    """What the order does next."""

    FAIL = "FAIL"
    RETRY = "RETRY"


class ChipFate(StrEnum):
    """What the chip does next."""

    KEEP = "KEEP"
    REST = "REST"
    REST_TODAY = "REST_TODAY"
    OUT = "OUT"


@dataclass(frozen=True, slots=True)
class Rule:
    """One row: the order's fate and the chip's."""

    order: OrderFate
    chip: ChipFate = ChipFate.KEEP
    delay_seconds: int = 0
    rest_seconds: int = 0
    same_chip: bool = True
    doubt_stock: bool = False


FAIL = OrderFate.FAIL
RETRY = OrderFate.RETRY

RULES: dict[Reason, Rule] = {
    # The order is wrong wherever it goes.
    Reason.WRONG_NUMBER: Rule(FAIL),
    Reason.NUMBER_INACTIVE: Rule(FAIL),
    # The operator wants a pause between two equal top-ups: wait inside the order's time.
    Reason.REPEATED_TOO_SOON: Rule(RETRY, delay_seconds=60),
    # Perhaps the recipe of this chip is out of date; another chip may have another one.
    Reason.FORMAT_REJECTED: Rule(RETRY, ChipFate.REST, 2, rest_seconds=600, same_chip=False),
    # The chip cannot, another one can.
    Reason.INSUFFICIENT_STOCK: Rule(
        RETRY, ChipFate.REST, rest_seconds=60, same_chip=False, doubt_stock=True
    ),
    Reason.WRONG_CHIP_PIN: Rule(RETRY, ChipFate.OUT, same_chip=False),
    Reason.CHIP_BARRED: Rule(RETRY, ChipFate.OUT, same_chip=False),
    Reason.LIMIT_REACHED: Rule(RETRY, ChipFate.REST_TODAY, same_chip=False),
    # The way is bad at present.
    Reason.OPERATOR_BUSY: Rule(RETRY, ChipFate.REST, 15, rest_seconds=15),
    Reason.NO_NETWORK: Rule(RETRY, ChipFate.REST, 2, rest_seconds=60, same_chip=False),
    Reason.NO_REPLY: Rule(RETRY, ChipFate.REST, 2, rest_seconds=30, same_chip=False),
    Reason.MODEM_REFUSED: Rule(RETRY, ChipFate.REST, 2, rest_seconds=60, same_chip=False),
    Reason.MODEM_LOST: Rule(RETRY, delay_seconds=2),
    Reason.UNPARSED_REPLY: Rule(RETRY, ChipFate.REST, 2, rest_seconds=30, same_chip=False),
    Reason.UNEXPECTED_SCREEN: Rule(RETRY, ChipFate.REST, 2, rest_seconds=30, same_chip=False),
    Reason.FOREIGN_REPLY: Rule(RETRY, ChipFate.REST, 2, rest_seconds=30, same_chip=False),
    # We stopped, or found out later that it had not happened.
    Reason.DAEMON_STOPPED: Rule(RETRY),
    Reason.PROVED_NOT_DONE: Rule(RETRY, delay_seconds=2),
    Reason.DECIDED_BY_ADMIN: Rule(FAIL),
    # Something says done of what was proved not done: it stands still until an admin decides.
    Reason.CONTRADICTED: Rule(RETRY, delay_seconds=60),
    # A backup was put back, and nobody knows what became of it since: the same.
    Reason.RESTORED: Rule(RETRY, delay_seconds=60),
    # These end an order that no chip holds; they are here so that the table is whole.
    Reason.EXPIRED: Rule(FAIL),
    Reason.CANCELLED: Rule(FAIL),
}

# How long an order avoids a chip that failed it, where `same_chip` is False.
AVOID_SECONDS = 120
