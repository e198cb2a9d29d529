"""From an opened port to an initialised modem: identify, unlock, set up, read the card.

A modem that says it is still starting (SIM busy, Wavecom's 515) is asked again for a
while. The SIM PIN is tried once in the life of this object: three wrong tries block a
card for good.
"""

import re
from collections.abc import Callable
from functools import lru_cache

from pulsarack.modems import identity
from pulsarack.modems.at.events import AtCommand, Response
from pulsarack.modems.at.results import Final, FinalKind
from pulsarack.modems.conversation import Conversation
from pulsarack.modems.errors import ModemRefused, SimBarred, SimMissing, SimPinNeeded
from pulsarack.modems.profile import Profile
from pulsarack.modems.results import ChipIdentity, Identity, Registration

BUSY_RETRY_SECONDS = 1.0

_SIM_READY = ("READY",)
_SIM_PIN = ("SIM PIN",)
_CREG = re.compile(r"\+CREG:\s*\d+\s*,\s*(\d+)")
_CREG_ALONE = re.compile(r"\+CREG:\s*(\d+)\s*")
_CSQ = re.compile(r"\+CSQ:\s*(\d{1,3})\s*,")

SimPin = Callable[[], str | None]


class Startup:
    """The first commands of a modem's life, and the questions about its state."""

    def __init__(self, conversation: Conversation, profile: Profile) -> None:
        self.profile = profile
        self._conversation = conversation
        self._pin_tried = False

    async def identify(self) -> Identity:
        """Who made it; what the modem refuses to tell is left empty."""
        await self._run(AtCommand("ATE0"))
        manufacturer = identity.parse_name(await self._ask("AT+CGMI"))
        model = identity.parse_name(await self._ask("AT+CGMM"))
        revision = identity.parse_name(await self._ask("AT+CGMR"))
        imei = identity.parse_imei(await self._ask("AT+CGSN"))
        return Identity(manufacturer, model, revision, imei)

    async def initialise(self, sim_pin: SimPin | None) -> None:
        """Unlock the card and set the modem up by its profile."""
        await self._run(AtCommand("AT+CMEE=1"))
        await self._unlock(sim_pin)
        for line in self.profile.init:
            command = AtCommand(line.send, expects=(f"{_name(line.send)}:",))
            await self._set(command, may_fail=line.may_fail)
        if self.profile.charset:
            await self._set(AtCommand(f'AT+CSCS="{self.profile.charset}"'), may_fail=True)
        await self._set(AtCommand("AT+CMGF=0"), may_fail=False)
        stores = ",".join([f'"{self.profile.sms_store}"'] * self.profile.cpms_stores)
        await self._set(AtCommand(f"AT+CPMS={stores}", expects=("+CPMS:",)), may_fail=True)
        await self._ask_for_indications()

    async def read_chip(self) -> ChipIdentity:
        """ICCID and IMSI of the card."""
        iccid = await self.read_iccid()
        imsi = await self._patiently(AtCommand("AT+CIMI"))
        return ChipIdentity(iccid, identity.parse_imsi(imsi.lines))

    async def read_iccid(self) -> str:
        """The card's number by the first of the profile's commands that gives one."""
        said = "no command tells its number"
        for text in self.profile.iccid_commands:
            response = await self._patiently(_iccid_command(text))
            if response.final.kind is FinalKind.CME and response.final.code in (10, 13, 15):
                raise SimMissing(str(response.final))
            iccid = identity.parse_iccid(response.lines) if response.final.ok else None
            if iccid is not None:
                return iccid
            if not response.final.ok:
                said = str(response.final)
        raise SimMissing(said)

    async def registration(self) -> Registration:
        """How the modem stands with the network (27.007 7.2)."""
        response = await self._run(AtCommand("AT+CREG?", expects=("+CREG:",)))
        if not response.final.ok:
            raise ModemRefused("AT+CREG?", str(response.final))
        states = [_registration(line) for line in response.lines]
        return next((state for state in reversed(states) if state), Registration.UNKNOWN)

    async def signal_quality(self) -> int | None:
        """<rssi>, 0 to 31; None if not known (27.007 8.5)."""
        response = await self._run(AtCommand("AT+CSQ", expects=("+CSQ:",)))
        for line in response.lines:
            match = _CSQ.match(line)
            if match and int(match.group(1)) <= 31:
                return int(match.group(1))
        return None

    async def _unlock(self, sim_pin: SimPin | None) -> None:
        state = await self._pin_state()
        if state in _SIM_READY:
            return
        if state not in _SIM_PIN:
            raise SimBarred(state)
        pin = sim_pin() if sim_pin is not None and not self._pin_tried else None
        if pin is None:
            raise SimPinNeeded(refused=self._pin_tried)
        if not re.fullmatch(r"\d{4,8}", pin):
            raise SimPinNeeded(refused=False)
        self._pin_tried = True
        command = AtCommand(f'AT+CPIN="{pin}"', shown="AT+CPIN=****")
        response = await self._conversation.run(command, self.profile.slow_seconds)
        if not response.final.ok:
            raise SimPinNeeded(refused=True)
        self._pin_tried = False
        if await self._pin_state() not in _SIM_READY:
            raise SimPinNeeded(refused=True)

    async def _pin_state(self) -> str:
        ends = ("+CPIN:",) if self.profile.cpin_without_ok else ()
        response = await self._patiently(
            AtCommand("AT+CPIN?", expects=("+CPIN:",), final_prefixes=ends)
        )
        if response.final.kind is FinalKind.CME and response.final.code in (12, 18):
            raise SimBarred(str(response.final))
        if response.final.kind is FinalKind.CME and response.final.code == 11:
            return _SIM_PIN[0]
        if not response.final.ok:
            raise SimMissing(str(response.final))
        said = response.with_prefix("+CPIN:")
        return said[-1].strip('" ') if said else _SIM_READY[0]

    async def _ask_for_indications(self) -> None:
        """The first form of AT+CNMI that the modem takes; without one it is polled."""
        for form in self.profile.cnmi:
            response = await self._patiently(AtCommand(f"AT+CNMI={form}"))
            if response.final.ok:
                return

    async def _set(self, command: AtCommand, may_fail: bool) -> None:
        response = await self._patiently(command)
        if not response.final.ok and not may_fail:
            raise ModemRefused(command.name, str(response.final))

    async def _ask(self, text: str) -> tuple[str, ...]:
        response = await self._patiently(AtCommand(text, expects=(f"{_name(text)}:",)))
        return response.lines if response.final.ok else ()

    async def _run(self, command: AtCommand) -> Response:
        return await self._conversation.run(command, self.profile.command_seconds)

    async def _patiently(self, command: AtCommand) -> Response:
        """Repeat a command while the modem says that it is not ready yet."""
        clock = self._conversation.clock
        give_up_at = clock.monotonic() + self.profile.busy_seconds
        while True:
            response = await self._run(command)
            if not _is_busy(response.final) or clock.monotonic() >= give_up_at:
                return response
            await clock.sleep(BUSY_RETRY_SECONDS)


@lru_cache(maxsize=64)
def _iccid_command(text: str) -> AtCommand:
    """Asked before every order, so made once."""
    return AtCommand(text, expects=(f"{_name(text)}:", "+CCID:", "+ICCID:"))


def _name(text: str) -> str:
    """``+CREG`` of ``AT+CREG?``: what the information responses begin with (V.250 5.4.4)."""
    return text.removeprefix("AT").split("=")[0].rstrip("?")


def _is_busy(final: Final) -> bool:
    if final.kind is FinalKind.CME:
        return final.code in (14, 515)
    return final.kind is FinalKind.CMS and final.code == 314


def _registration(line: str) -> Registration | None:
    """``+CREG: <n>,<stat>``; a lone number is a notice that came in between."""
    match = _CREG.match(line) or _CREG_ALONE.fullmatch(line)
    if match is None:
        return None
    stat = int(match.group(1)[:3])
    return Registration(stat) if stat <= 5 else Registration.UNKNOWN
