"""Asking a modem about its network: registration, place, signal, and why there is none.

What the lines mean is in registration.py.
"""

import contextlib
from dataclasses import replace

from pulsarack.modems import registration as reading
from pulsarack.modems.at import operators
from pulsarack.modems.at.events import AtCommand, Response
from pulsarack.modems.at.signal import parse_quality
from pulsarack.modems.conversation import Conversation
from pulsarack.modems.errors import ModemRefused, ModemSilent
from pulsarack.modems.profile import Profile
from pulsarack.modems.results import NetworkPlace, Registration

CREG = AtCommand("AT+CREG?", expects=("+CREG:",))
COPS = AtCommand("AT+COPS?", expects=("+COPS:",))
CEER = AtCommand("AT+CEER", expects=("+CEER:",))
CSQ = AtCommand("AT+CSQ", expects=("+CSQ:",))
AUTOMATIC = AtCommand("AT+COPS=0")
SCAN = AtCommand("AT+COPS=?", expects=("+COPS:",))
# All bands of all radios, one after the other.
SCAN_SECONDS = 180.0

_MANUAL, _DEREGISTERED = 1, 2


class Network:
    """The questions about the network, to one modem."""

    def __init__(self, conversation: Conversation, profile: Profile) -> None:
        self.profile = profile
        self._conversation = conversation

    async def registration(self) -> Registration:
        """How the modem stands with the network (27.007 7.2)."""
        return (await self._place()).registration

    async def place(self) -> NetworkPlace:
        """Where the modem is registered: operator, technology, area and cell."""
        place = await self._place()
        _, operator = await self._selection()
        return replace(place, operator=operator)

    async def signal_quality(self) -> int | None:
        """<rssi>, 0 to 31; None if not known (27.007 8.5)."""
        response = await self._run(CSQ)
        read = next(filter(None, map(parse_quality, response.lines)), None)
        return None if read is None else read.rssi

    async def select_automatically(self) -> bool:
        """Leave the choice of the network to the modem if it was taken away from it.

        A modem that was told to leave the network, or to use one network only, comes up so
        again. True if it was told otherwise now; choosing may take it minutes (27.007 7.3).
        """
        mode, _ = await self._selection()
        if mode not in (_MANUAL, _DEREGISTERED):
            return False
        with contextlib.suppress(ModemSilent):
            # One that searches may be silent; whether it found a network is asked later.
            await self._conversation.run(AUTOMATIC, self.profile.slow_seconds)
        return True

    async def scan(self) -> tuple[operators.HeardNetwork, ...]:
        """The networks that it hears, allowed or not; nothing else can be done meanwhile."""
        response = await self._conversation.run(SCAN, SCAN_SECONDS)
        if not response.final.ok:
            raise ModemRefused(SCAN.name, str(response.final))
        return operators.parse_scan(response.lines)

    async def why_not(self, state: Registration) -> str:
        """Why there is no network, in words and with a remedy."""
        response = await self._aside(CEER)
        reason = reading.parse_reason(response.lines) if response and response.final.ok else ""
        return reading.explain(state, reason)

    async def _place(self) -> NetworkPlace:
        response = await self._run(CREG)
        if not response.final.ok:
            raise ModemRefused(CREG.name, str(response.final))
        places = [reading.parse_registration(line) for line in response.lines]
        unknown = NetworkPlace(Registration.UNKNOWN, None, None, "", "")
        return next((place for place in reversed(places) if place), unknown)

    async def _selection(self) -> tuple[int | None, str]:
        response = await self._aside(COPS)
        if response is None or not response.final.ok:
            return None, ""
        return reading.parse_operator(response.lines)

    async def _aside(self, command: AtCommand) -> Response | None:
        """A question of minor weight: some that search are silent to it. None then."""
        try:
            return await self._run(command)
        except ModemSilent:
            return None

    async def _run(self, command: AtCommand) -> Response:
        return await self._conversation.run(command, self.profile.command_seconds)
