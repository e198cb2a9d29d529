"""What to try next with a modem that has failed: the remedy ladder as a table.

A failure has a kind, each kind a ladder of remedies, mildest first: retry the command,
ESC and reopen the port, AT+CFUN=1,1, USB reset, hub port power. Each further failure
without readiness in between climbs one rung, and waits longer before it. A rung that
cannot do anything here (no USB, a model for which AT+CFUN=1,1 is not safe, a hub that
cannot switch) is passed over. What no remedy mends (a locked card, a port in use, a
mistake of ours) has no rungs: it is only looked at again, ever more rarely.

While an attempt past its point of no return is open nothing beyond reopening the port
is done: the answer may still come, and an interrupted dialogue proves nothing. The rung
is kept for the day when the attempt is closed.

A modem that falls FALLS_LIMIT times within an hour rests: it would take one order after
the other down with it. So does one that stays silent after everything was tried: that is
given up, said once, and looked at again after a while, in case it comes back by itself.
A hand (another modem, a reset by a technician) ends a rest.

Pure: instants are monotonic seconds and come from outside; every move gives a new ladder.
"""

from dataclasses import dataclass, replace
from enum import Enum

from pulsarack.modems.errors import (
    ModemError,
    ModemRefused,
    ModemSilent,
    NoNetwork,
    NotAModem,
    PortGone,
    PortMissing,
    PortStuck,
    SimMissing,
)

BACK_OFF_SECONDS = (2.0, 5.0, 15.0, 60.0)
# After so many failures in a row, and every remedy that there is, a modem is given up.
TRIES_LIMIT = 10
GIVEN_UP_SECONDS = 600.0
FALLS_LIMIT = 5
FALLS_WITHIN_SECONDS = 3600.0
REST_SECONDS = 1800.0


class Remedy(Enum):
    """What may be done, mildest first."""

    RETRY = "retry"
    REOPEN = "reopen"
    RESTART = "cfun"
    USB_RESET = "usb"
    HUB_POWER = "power"
    WAIT = "wait"
    REST = "rest"


# What takes the modem off the network: never while an answer may still come.
STRONG = frozenset({Remedy.RESTART, Remedy.USB_RESET, Remedy.HUB_POWER})


class Fault(Enum):
    """Kinds of failure, by what can be done about them."""

    NONE = "nothing failed: a person changed something"
    SILENT = "the modem does not answer"
    REFUSED = "the modem refuses what it must do"
    STUCK = "the driver does not open the port"
    NOISE = "what answers is no modem"
    NO_NETWORK = "the modem finds no network"
    NO_CARD = "the card is not there"
    GONE = "the port is gone"
    HELPLESS = "no remedy of ours mends it"


_FULL = (Remedy.RETRY, Remedy.REOPEN, Remedy.RESTART, Remedy.USB_RESET, Remedy.HUB_POWER)

LADDERS: dict[Fault, tuple[Remedy, ...]] = {
    Fault.SILENT: _FULL,
    Fault.REFUSED: _FULL,
    Fault.STUCK: (Remedy.REOPEN, Remedy.USB_RESET, Remedy.HUB_POWER),
    Fault.NOISE: (Remedy.RETRY, Remedy.REOPEN, Remedy.USB_RESET, Remedy.HUB_POWER),
    Fault.NO_NETWORK: (Remedy.RETRY, Remedy.RETRY, Remedy.RESTART),
    Fault.NO_CARD: (Remedy.RETRY, Remedy.RETRY, Remedy.RESTART),
    Fault.NONE: (),
    Fault.GONE: (),
    Fault.HELPLESS: (),
}

# Of these the modem itself is the cause, so that one which is not mended can be given up.
MODEM_S_OWN = frozenset({Fault.SILENT, Fault.REFUSED, Fault.STUCK, Fault.NOISE})


def fault_of(error: Exception) -> Fault:
    """The kind of what was raised."""
    match error:
        case ModemSilent():
            return Fault.SILENT
        case ModemRefused():
            return Fault.REFUSED
        case PortStuck():
            return Fault.STUCK
        case NotAModem():
            return Fault.NOISE
        case SimMissing():
            return Fault.NO_CARD
        case NoNetwork():
            return Fault.NO_NETWORK
        case PortGone() | PortMissing():
            return Fault.GONE
        case ModemError():
            return Fault.HELPLESS
    return Fault.HELPLESS


@dataclass(frozen=True, slots=True)
class Means:
    """What can be done where the modem is.

    restart   its model is known, and comes back from AT+CFUN=1,1
    usb       it is a USB device of its own
    power     its hub may be able to switch the port's power
    known     a modem has answered here: a stranger's device is not reset
    """

    restart: bool = False
    usb: bool = False
    power: bool = False
    known: bool = False

    def allow(self, remedy: Remedy) -> bool:
        """Whether the remedy can do anything here."""
        match remedy:
            case Remedy.RESTART:
                return self.restart
            case Remedy.USB_RESET:
                return self.usb and self.known
            case Remedy.HUB_POWER:
                return self.power and self.known
        return True


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do, after how many seconds; ``held_back`` is what would have been due."""

    remedy: Remedy
    wait_seconds: float
    held_back: Remedy | None = None


@dataclass(frozen=True, slots=True)
class Ladder:
    """Where one modem stands.

    rung       the next rung of the fault's ladder
    failures   in a row, since it was ready
    falls      when it fell out of readiness, the latest FALLS_LIMIT of them
    rests_until  None: it does not rest
    given_up   everything was tried
    """

    rung: int = 0
    failures: int = 0
    falls: tuple[float, ...] = ()
    rests_until: float | None = None
    given_up: bool = False

    def ready(self) -> "Ladder":
        """The modem works; its falls are not forgotten, unless it has rested for them."""
        falls = self.falls if self.rests_until is None else ()
        return Ladder(falls=falls)

    def fell(self, now: float) -> "Ladder":
        """The modem was ready and is not any more, and nobody has done that."""
        recent = [at for at in self.falls if now - at < FALLS_WITHIN_SECONDS]
        falls = (*recent, now)[-FALLS_LIMIT:]
        rests = now + REST_SECONDS if len(falls) == FALLS_LIMIT else self.rests_until
        return replace(self, falls=falls, rests_until=rests)

    def failed(
        self, fault: Fault, now: float, means: Means, *, may_reset: bool = True
    ) -> tuple["Ladder", Advice]:
        """What to do about a failure; ``may_reset``: no attempt forbids the strong remedies."""
        if self.rests_until is not None and now < self.rests_until:
            return self, Advice(Remedy.REST, self.rests_until - now)
        if self.rests_until is not None:  # rested enough: its falls are paid for
            return replace(self, falls=(), rests_until=None).failed(
                fault, now, means, may_reset=may_reset
            )
        counted = replace(self, failures=self.failures + 1)
        wait = BACK_OFF_SECONDS[min(self.failures, len(BACK_OFF_SECONDS) - 1)]
        rung = self._next_rung(fault, means)
        if rung is None:
            return counted._beyond(fault, wait)
        remedy = LADDERS[fault][rung]
        if remedy in STRONG and not may_reset:
            return replace(counted, rung=rung), Advice(Remedy.REOPEN, wait, held_back=remedy)
        return replace(counted, rung=rung + 1), Advice(remedy, wait)

    def _next_rung(self, fault: Fault, means: Means) -> int | None:
        rungs = LADDERS[fault]
        return next((n for n in range(self.rung, len(rungs)) if means.allow(rungs[n])), None)

    def _beyond(self, fault: Fault, wait: float) -> tuple["Ladder", Advice]:
        """Above the last rung: look again, and give up in the end."""
        if fault not in MODEM_S_OWN or self.failures < TRIES_LIMIT:
            again = Remedy.REOPEN if fault in MODEM_S_OWN else Remedy.WAIT
            return self, Advice(again, wait)
        # From the bottom again when it was left alone for a while.
        up = replace(self, rung=0, failures=0, given_up=True)
        return up, Advice(Remedy.REST, GIVEN_UP_SECONDS)

    @property
    def resting(self) -> bool:
        """Whether it rests for its falls."""
        return self.rests_until is not None
