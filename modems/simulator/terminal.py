"""What the network and the service centre know of a modem: where screens and texts go."""

from typing import Protocol

from pulsarack.modems.simulator.operators.answer import ScreenStatus, Weather


class Receiver(Protocol):
    """What the service centre knows of a modem."""

    @property
    def reachable(self) -> bool:
        """Whether it can take something now."""

    def message_arrived(self, pdu: str) -> bool:
        """Take an SMS; False to leave it with the service centre."""


class UssdTerminal(Protocol):
    """Where screens go."""

    def arrived(self, session: int, status: ScreenStatus, text: str | None) -> None:
        """A screen of a session."""


class Terminal(Receiver, Protocol):
    """What the network knows of a modem."""

    @property
    def iccid(self) -> str:
        """The SIM it logged on with."""

    @property
    def ussd(self) -> UssdTerminal:
        """Its USSD part."""

    def suffer(self, weather: Weather) -> None:
        """Bear a fault."""
