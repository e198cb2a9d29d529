"""The names in which a dialogue reports how it ended.

A reason says why something was not done or is not known; what follows from it
(fail the order, try another way, rest the chip) is decided in queue/retry.py and
nowhere else. The outcome's kind is the stronger word: only DONE and NOT_DONE are
proofs.
"""

from enum import StrEnum


class OutcomeKind(StrEnum):
    """What a dialogue has proved about the money."""

    DONE = "DONE"
    NOT_DONE = "NOT_DONE"
    IN_PROCESS = "IN_PROCESS"
    UNDECIDED = "UNDECIDED"


class Reason(StrEnum):
    """Why an order or an attempt failed, or why nobody knows."""

    # The customer's number or the order itself.
    WRONG_NUMBER = "WRONG_NUMBER"
    NUMBER_INACTIVE = "NUMBER_INACTIVE"
    REPEATED_TOO_SOON = "REPEATED_TOO_SOON"
    FORMAT_REJECTED = "FORMAT_REJECTED"
    # The chip.
    INSUFFICIENT_STOCK = "INSUFFICIENT_STOCK"
    WRONG_CHIP_PIN = "WRONG_CHIP_PIN"
    CHIP_BARRED = "CHIP_BARRED"
    LIMIT_REACHED = "LIMIT_REACHED"
    # The operator and the way to it.
    OPERATOR_BUSY = "OPERATOR_BUSY"
    NO_NETWORK = "NO_NETWORK"
    NO_REPLY = "NO_REPLY"
    MODEM_REFUSED = "MODEM_REFUSED"
    MODEM_LOST = "MODEM_LOST"
    UNPARSED_REPLY = "UNPARSED_REPLY"
    UNEXPECTED_SCREEN = "UNEXPECTED_SCREEN"
    FOREIGN_REPLY = "FOREIGN_REPLY"
    # Ourselves.
    DAEMON_STOPPED = "DAEMON_STOPPED"
    EXPIRED = "EXPIRED"
    CANCELLED = "CANCELLED"
    DECIDED_BY_ADMIN = "DECIDED_BY_ADMIN"
    PROVED_NOT_DONE = "PROVED_NOT_DONE"
    CONTRADICTED = "CONTRADICTED"
    RESTORED = "RESTORED"
