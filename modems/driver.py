"""What the daemon needs of whatever is behind a port, and which driver a port has.

`Modem` speaks AT over any `Port`. A port that brings its own driver (a phone behind
python-gammu) makes it itself.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, runtime_checkable

from pulsarack.modems.at.events import Response
from pulsarack.modems.at.ussd_request import Settles, nothing_settles
from pulsarack.modems.card_lock import Opened, SimPin
from pulsarack.modems.modem import Modem
from pulsarack.modems.profile import Profile, Profiles
from pulsarack.modems.results import (
    ChipIdentity,
    Identity,
    IncomingSms,
    ModemEvent,
    NetworkPlace,
    Registration,
    SmsResult,
    UssdResult,
)
from pulsarack.modems.sms import ORDER_VALID_HOURS
from pulsarack.modems.timing import Clock
from pulsarack.modems.transport import Port, Trace

OnEvent = Callable[[ModemEvent], None]


class Driver(Protocol):
    """See `Modem`, which says what each of these means."""

    @property
    def profile(self) -> Profile: ...
    async def identify(self) -> Identity: ...
    async def initialise(
        self, sim_pin: SimPin | None = None, opened: Opened | None = None
    ) -> None: ...
    async def read_chip(self) -> ChipIdentity: ...
    async def read_iccid(self) -> str: ...
    async def card_answers(self) -> bool: ...
    async def registration(self) -> Registration: ...
    async def place(self) -> NetworkPlace: ...
    async def select_network(self) -> bool: ...
    async def why_no_network(self, state: Registration) -> str: ...
    async def signal_quality(self) -> int | None: ...
    async def dial_ussd(
        self, text: str, within_seconds: float, settles: Settles = nothing_settles
    ) -> UssdResult: ...
    async def answer_ussd(
        self, text: str, within_seconds: float, settles: Settles = nothing_settles
    ) -> UssdResult: ...
    async def cancel_ussd(self) -> None: ...
    async def send_sms(
        self,
        to: str,
        text: str,
        within_seconds: float,
        before_body: Callable[[], Awaitable[None]],
        *,
        delivery_report: bool = False,
        valid_hours: int = ORDER_VALID_HOURS,
    ) -> SmsResult: ...
    async def ask_for_reports(self) -> None: ...
    async def read_sms(self) -> list[IncomingSms]: ...
    async def delete_sms(self, indices: Sequence[int], direct: Sequence[str] = ()) -> None: ...
    async def run_command(self, text: str, within_seconds: float) -> Response: ...
    def listen(self, trace: Trace | None) -> None: ...
    def close(self) -> None: ...


@runtime_checkable
class OwnDriver(Protocol):
    """A port that brings its driver."""

    def driver(self, clock: Clock, profiles: Profiles, on_event: OnEvent) -> Driver:
        """The driver of what is behind it."""


def driver_of(
    port: Port,
    clock: Clock,
    profiles: Profiles,
    on_event: OnEvent,
    trace: Trace | None = None,
) -> Driver:
    """The driver of what is behind an opened port."""
    if isinstance(port, OwnDriver):
        return port.driver(clock, profiles, on_event)
    return Modem(port, clock, profiles, on_event, trace)
