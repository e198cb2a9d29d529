"""Where the daemon may die, and when it does.

A crash is armed with a kind of point and a count: it strikes when so many points of that
kind have been passed. Points are passed at every await of the daemon, at every byte that
it writes to a modem, and before and after every commit; the bytes of a message body
(between the prompt and Ctrl-Z) and of a USSD command have kinds of their own, since few
bytes are worth so much.
"""

from enum import StrEnum


class CrashPoint(StrEnum):
    """A kind of instant at which the daemon may die."""

    AWAIT = "await"
    BYTE = "byte"
    USSD_BYTE = "ussd byte"
    BODY_BYTE = "body byte"
    BEFORE_COMMIT = "before commit"
    AFTER_COMMIT = "after commit"


class Killed(BaseException):
    """The daemon is gone; nothing of it runs any more. Not an Exception: nobody may mend it."""


class Armed:
    """The one crash that is armed, if any."""

    def __init__(self) -> None:
        self._point: CrashPoint | None = None
        self._left = 0

    def arm(self, point: CrashPoint, count: int) -> None:
        """Strike at the `count`-th point of this kind from now on."""
        self._point, self._left = point, count

    def disarm(self) -> None:
        """Strike no more."""
        self._point = None

    def strikes_at(self, point: CrashPoint) -> bool:
        """Pass one point; whether the daemon dies there."""
        return self.strikes_within(point, 1) is not None

    def strikes_within(self, point: CrashPoint, count: int) -> int | None:
        """Pass `count` points; how many of them are passed before the daemon dies, if it does."""
        if point is not self._point:
            return None
        if self._left > count:
            self._left -= count
            return None
        self._point = None
        return self._left
