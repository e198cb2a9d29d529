"""The modem's part in a USSD session: which session is open, and how strings are spelt.

The state has two facts: the session the network opened for us, and whether an answer is awaited.
A session ends with any status but ACTION_REQUIRED, with AT+CUSD=2, with the power, or when nothing
has come for a minute.
"""

import re
from typing import TYPE_CHECKING

from pulsarack.modems.simulator.dialect import Order, UssdSpelling
from pulsarack.modems.simulator.menu_weather import MenuFault
from pulsarack.modems.simulator.operators.answer import ScreenStatus
from pulsarack.modems.simulator.result import (
    BAD_PARAMETER,
    NO_NETWORK,
    NOT_ALLOWED,
    UNKNOWN_ERROR,
    Done,
    EquipmentError,
    Later,
    Result,
)
from pulsarack.modems.simulator.ussd_text import (
    from_packed_hex,
    from_septet_hex,
    from_ucs2_hex,
    is_gsm,
    to_packed_hex,
    to_septet_hex,
    to_ucs2_hex,
)
from pulsarack.modems.simulator.wire import Conclude

if TYPE_CHECKING:
    from pulsarack.modems.simulator.modem import Modem

FORGET_AFTER_SECONDS = 60.0
DCS_UCS2 = 72


class UssdClient:
    """USSD of one modem; at most one session at a time."""

    def __init__(self, modem: "Modem") -> None:
        self._modem = modem
        self._session: int | None = None
        self._awaiting = False
        self._conclude: Conclude | None = None

    def reset(self) -> None:
        """Power is gone: the network hears no more of the session."""
        if self._session is not None:
            self._modem.network.drop(self._session)
        self._session, self._awaiting, self._conclude = None, False, None

    def lose_network(self) -> None:
        """The session is over; who awaits its next screen awaits in vain."""
        if self._session is not None:
            self._modem.network.drop(self._session)
        if not self._awaiting:
            self._session = None

    def send(self, written: str) -> Result:
        """AT+CUSD=1,"...": a new session, or the next input of the open one."""
        modem = self._modem
        text = self._read(written)
        if text is None:
            return EquipmentError(modem.dialect.plain_refusal)
        if modem.out_of_coverage:
            return self._fail(NO_NETWORK)
        if self._awaiting:
            return EquipmentError(NOT_ALLOWED)
        if not modem.registered:
            return self._fail(NO_NETWORK)
        if self._session is None and not re.fullmatch(r"[*#][0-9*#]*#", text):
            return self._fail(BAD_PARAMETER)
        fault = modem.network.menu_fault(modem, self._session, text)
        if fault is MenuFault.REFUSED:
            return EquipmentError(UNKNOWN_ERROR)
        if self._session is not None:
            modem.network.answer(self._session, text, fault)
        else:
            self._session = modem.network.dial(modem, text, fault)
        self._await()
        if modem.dialect.ussd_order is Order.ANSWER_FIRST:
            self._conclude = modem.wire.concluder(abort=self._aborted)
            return Later()
        return Done()

    def cancel(self) -> Result:
        """AT+CUSD=2: end the session; without one it is harmless, or an error (U24)."""
        if self._session is None and self._modem.dialect.cancel_without_session_fails:
            return EquipmentError()
        self.reset()
        return Done()

    def arrived(self, session: int, status: ScreenStatus, text: str | None) -> None:
        """A screen from the network."""
        modem = self._modem
        if session == self._session:
            self._awaiting = False
            if status is not ScreenStatus.ACTION_REQUIRED:
                self._session = None
        if modem.settings.ussd_reports:
            modem.unsolicited(self._spell(status, text), carries_answer=True)
        conclude, self._conclude = self._conclude, None
        if conclude is not None:
            conclude(Done())

    def _await(self) -> None:
        modem, session = self._modem, self._session
        self._awaiting = True
        modem.later(0.7, modem.chatter)

        def forget() -> None:
            if self._awaiting and self._session == session:
                conclude = self._conclude
                self.reset()
                if conclude is not None:
                    conclude(EquipmentError(NO_NETWORK))

        modem.later(FORGET_AFTER_SECONDS, forget)

    def _aborted(self) -> None:
        self._conclude = None

    def _fail(self, code: int) -> Result:
        modem = self._modem
        if modem.dialect.ussd_failure_is_cusd_4:
            modem.later(1.0, lambda: modem.unsolicited("+CUSD: 4"))
            return Done()
        return EquipmentError(code)

    def _read(self, written: str) -> str | None:
        modem = self._modem
        if modem.dialect.ussd_spelling is UssdSpelling.PACKED and not modem.settings.ussd_plain:
            return from_packed_hex(written)
        if self._in_ucs2():
            return from_ucs2_hex(written)
        return from_septet_hex(written) if self._is_spelt_in("HEX") else written

    def _spell(self, status: ScreenStatus, text: str | None) -> str:
        if text is None:
            return f"+CUSD: {status.value}"
        modem = self._modem
        dcs = modem.dialect.ussd_dcs
        if modem.dialect.ussd_spelling is UssdSpelling.PACKED and not modem.settings.ussd_plain:
            if is_gsm(text):
                text = to_packed_hex(text)
            else:
                text, dcs = to_ucs2_hex(text), DCS_UCS2
        elif modem.dialect.ussd_answers_ucs2:
            text, dcs = to_ucs2_hex(text), DCS_UCS2
        elif self._in_ucs2():
            text = to_ucs2_hex(text)
        elif self._is_spelt_in("HEX") and is_gsm(text):
            text = to_septet_hex(text)
        return f'+CUSD: {status.value},"{text}",{dcs}'

    def _in_ucs2(self) -> bool:
        return self._is_spelt_in("UCS2")

    def _is_spelt_in(self, charset: str) -> bool:
        modem = self._modem
        by_charset = modem.dialect.ussd_spelling is UssdSpelling.BY_CHARSET
        return by_charset and modem.settings.charset == charset
