"""What an operator sends back to one request: screens, texts, and the weather around them.

An answer is a plan: nothing in it has happened yet. The network carries it out, adding the
latency of the air.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum


class ScreenStatus(IntEnum):
    """<m> of +CUSD (27.007 7.15), as the network makes a modem show it."""

    NO_FURTHER_ACTION = 0
    ACTION_REQUIRED = 1
    TERMINATED_BY_NETWORK = 2
    NOT_SUPPORTED = 4
    NETWORK_TIMEOUT = 5


@dataclass(frozen=True)
class Screen:
    """One USSD text, `after` virtual seconds later than the usual latency."""

    status: ScreenStatus
    text: str | None
    after: float = 0.0


@dataclass(frozen=True)
class Report:
    """One SMS to the dealer, `after` virtual seconds later than the usual latency."""

    sender: str
    text: str
    after: float = 0.0


@dataclass(frozen=True)
class Garble:
    """The next answer line of the modem comes damaged."""


@dataclass(frozen=True)
class Hang:
    """The modem neither hears nor speaks for a while."""

    seconds: float


@dataclass(frozen=True)
class Unplug:
    """The modem leaves the bus and comes back, perhaps under another name."""

    seconds: float


@dataclass(frozen=True)
class Storm:
    """Unsolicited lines in a row, around the answer."""

    lines: int


Weather = Garble | Hang | Unplug | Storm


@dataclass(frozen=True)
class Answer:
    """Everything that follows one request. `then` takes the next input while a session is open;
    decides: that input may be the one that decides a top-up.
    """

    screens: tuple[Screen, ...] = ()
    reports: tuple[Report, ...] = ()
    weather: tuple[Weather, ...] = ()
    then: "Callable[[str], Answer] | None" = None
    decides: bool = False


def ask(text: str, then: Callable[[str], Answer], decides: bool = False) -> Answer:
    """A menu: the session stays open for the next input."""
    screen = Screen(ScreenStatus.ACTION_REQUIRED, text)
    return Answer(screens=(screen,), then=then, decides=decides)


def tell(text: str, status: ScreenStatus = ScreenStatus.TERMINATED_BY_NETWORK) -> Answer:
    """A last screen: m=2 with the final text is what many networks send, m=0 others."""
    return Answer(screens=(Screen(status, text),))
