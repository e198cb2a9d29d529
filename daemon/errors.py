"""The errors of the daemon's own room: each says what is wrong and what to do next.

The message names the place and whose fault it is; the remedy is a command or an edit.
Both are one line, so that a log, a terminal and a control socket can show them as they
are. Neither ever holds a secret.
"""

from pulsarack.modems.errors import ModemError


class DaemonError(Exception):
    """Something the person in front of the terminal can put right."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(f"{message}; {remedy}" if remedy else message)
        self.message = message
        self.remedy = remedy

    def lines(self) -> tuple[str, ...]:
        """The error as it is shown to people, one problem a line."""
        return (str(self),)


class Busy(DaemonError):
    """Too much waits already: this was refused before anything was done, and may be repeated."""

    def __init__(self, waiting: int, whose: str = "") -> None:
        super().__init__(
            f"the server has {waiting} requests {whose}waiting for the database",
            "send again in a moment; with the same client_reference an order is not made twice",
        )
        self.waiting = waiting


class CardExchanged(ModemError):
    """Another SIM card is in the modem than the one that was worked; the slot begins anew."""

    def __init__(self, worked: str, found: str) -> None:
        super().__init__(f"card {worked} was exchanged for {found}; its orders wait for its return")


class HeldBack(DaemonError):
    """Nothing was sent: the daemon ends, another slot shows the card, or a late text forbids it."""
