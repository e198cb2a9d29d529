"""From an opened port to an initialised modem: identify, unlock, set up, read the card.

A modem that says it is still starting (SIM busy, Wavecom's 515) is asked again for a
while, and so is one that does not store messages yet. The SIM PIN is tried once in the
life of this object, and never if it would be the card's last try: see card_lock.py.
"""

import re
from collections.abc import Awaitable
from functools import lru_cache

from pulsarack.modems import card_lock, identity
from pulsarack.modems.at.abilities import parse_function
from pulsarack.modems.at.events import AtCommand, Response, question
from pulsarack.modems.at.results import Final, FinalKind
from pulsarack.modems.at.sim_state import parse_pin_state
from pulsarack.modems.card_lock import LEAST_TRIES, LockedCard, Opened, SimPin
from pulsarack.modems.conversation import Conversation
from pulsarack.modems.errors import ModemRefused, SimBarred, SimMissing, SimPinNeeded
from pulsarack.modems.profile import Profile
from pulsarack.modems.results import ChipIdentity, Identity

BUSY_RETRY_SECONDS = 1.0
FULL_FUNCTIONALITY = 1

# What some say to AT+CPIN? instead of a state (27.007 9.2.1).
_STATE_OF_ERROR = {11: "SIM PIN", 12: "SIM PUK", 17: "SIM PIN2", 18: "SIM PUK2"}


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
        if not manufacturer:
            # Some (ZTE with Qualcomm's M6280) take nothing else before this question.
            await self._run(_cpin(without_ok=True))
            manufacturer = identity.parse_name(await self._ask("AT+CGMI"))
        model = identity.parse_name(await self._ask("AT+CGMM"))
        revision = identity.parse_revision(await self._ask("AT+CGMR"))
        imei = identity.parse_imei(await self._ask("AT+CGSN"))
        if manufacturer or model:
            return Identity(manufacturer, model, revision, imei)
        labels = identity.parse_labels(await self._ask("ATI"))
        return Identity(
            labels.get("manufacturer", ""),
            labels.get("model", ""),
            revision or labels.get("revision", ""),
            imei or identity.parse_imei((labels.get("imei", ""),)),
        )

    async def initialise(self, sim_pin: SimPin | None, opened: Opened | None = None) -> None:
        """Unlock the card and set the modem up by its profile."""
        await self._run(AtCommand("AT+CMEE=1"))
        await self._wake_radio()
        await self._unlock(sim_pin, opened)
        for line in self.profile.init:
            await self._set(question(line.send), may_fail=line.may_fail)
        if self.profile.charset:
            await self._set(AtCommand(f'AT+CSCS="{self.profile.charset}"'), may_fail=True)
        await self._set(AtCommand("AT+CREG=2"), may_fail=True)  # area and cell, 27.007 7.2
        await self._prepare_messages()

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

    async def card_answers(self) -> bool:
        """One look whether a card is in, open or locked."""
        response = await self._run(_cpin(self.profile.cpin_without_ok))
        final = response.final
        return final.ok or (final.kind is FinalKind.CME and final.code in _STATE_OF_ERROR)

    async def _wake_radio(self) -> None:
        """Switch the radio on where it was left off (27.007 8.2)."""
        lines = await self._ask("AT+CFUN?")
        levels = [level for line in lines if (level := parse_function(line)) is not None]
        if levels and levels[0] != FULL_FUNCTIONALITY:
            # Wavecom and others say for a while that they are busy after it.
            await self._conversation.run(AtCommand("AT+CFUN=1"), self.profile.slow_seconds)

    async def _unlock(self, sim_pin: SimPin | None, opened: Opened | None) -> None:
        state = await self._pin_state()
        if state in card_lock.OPEN:
            return
        if state != card_lock.WANTS_PIN:
            raise SimBarred(state, *card_lock.remedy(state))
        if self._pin_tried:
            raise SimPinNeeded(refused=True)
        card = LockedCard(await self._iccid_of_locked(), await self._tries_left())
        if card.tries_left is not None and card.tries_left < LEAST_TRIES:
            why = f"the SIM card wants its PIN and has {card.tries_left} try left; enter the right"
            raise SimPinNeeded(False, f"{why} one in a phone, and correct sim_pin")
        pin = await sim_pin(card) if sim_pin is not None else None
        if pin is None or not re.fullmatch(r"[0-9]{4,8}", pin):
            raise SimPinNeeded(refused=False)
        self._pin_tried = True
        command = AtCommand(f'AT+CPIN="{pin}"', shown="AT+CPIN=****")
        response = await self._conversation.run(command, self.profile.slow_seconds)
        if not response.final.ok or await self._pin_state() not in card_lock.OPEN:
            raise SimPinNeeded(refused=True)
        self._pin_tried = False
        if opened is not None:
            await opened()

    async def _iccid_of_locked(self) -> str | None:
        """The number of a card that is not open yet, if the modem reads it: its file is free
        for all (ETSI TS 102 221 13.2), but not every modem asks the card before."""
        for text in self.profile.iccid_commands:
            response = await self._run(_iccid_command(text))
            iccid = identity.parse_iccid(response.lines) if response.final.ok else None
            if iccid is not None:
                return iccid
        return None

    async def _tries_left(self) -> int | None:
        for one in self.profile.pin_tries:
            tries = card_lock.parse_tries(await self._ask(one.send), one.pattern)
            if tries is not None:
                return tries
        return None

    async def _pin_state(self) -> str:
        response = await self._patiently(_cpin(self.profile.cpin_without_ok))
        if response.final.kind is FinalKind.CME and response.final.code in _STATE_OF_ERROR:
            return _STATE_OF_ERROR[response.final.code]
        if not response.final.ok:
            raise SimMissing(str(response.final))
        states = [state for line in response.lines if (state := parse_pin_state(line))]
        return card_lock.parse_state(states[-1]) if states else card_lock.READY

    async def _prepare_messages(self) -> None:
        """PDU mode, the store, and word of new messages; a modem that starts refuses for a
        while, some with a bare ERROR."""
        clock = self._conversation.clock
        until = clock.monotonic() + self.profile.sms_start_seconds
        pdu_mode = AtCommand("AT+CMGF=0")
        response = await self._until_taken(pdu_mode, until)
        if not response.final.ok:
            raise ModemRefused(pdu_mode.name, str(response.final))
        stores = ",".join([f'"{self.profile.sms_store}"'] * self.profile.cpms_stores)
        await self._until_taken(AtCommand(f"AT+CPMS={stores}", expects=("+CPMS:",)), until)
        await self._ask_for_indications()

    async def _until_taken(self, command: AtCommand, until: float) -> Response:
        while True:
            response = await self._patiently(command)
            if response.final.ok or self._conversation.clock.monotonic() >= until:
                return response
            await self._conversation.clock.sleep(BUSY_RETRY_SECONDS)

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
        response = await self._patiently(question(text))
        return response.lines if response.final.ok else ()

    def _run(self, command: AtCommand) -> Awaitable[Response]:
        return self._conversation.run(command, self.profile.command_seconds)

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
    asked = question(text)
    return asked._replace(expects=(*asked.expects, "+CCID:", "+ICCID:"))


def _cpin(without_ok: bool) -> AtCommand:
    ends = ("+CPIN:",) if without_ok else ()
    return AtCommand("AT+CPIN?", expects=("+CPIN:",), final_prefixes=ends)


def _is_busy(final: Final) -> bool:
    if final.kind is FinalKind.CME:
        return final.code in (14, 515)
    return final.kind is FinalKind.CMS and final.code == 314
