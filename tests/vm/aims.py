"""The moments of a sale at which a modem is pulled, seen from outside: on its wire, in the books.

The operator whose menu is used has several screens before the PIN; the PIN is the point of no
return.
"""

import asyncio
import re
from collections.abc import Callable, Mapping
from typing import Any

from pulsarack.modems.simulator.ussd_text import from_packed_hex, from_ucs2_hex
from tests.vm.rack import Aim, Placed

_DIALLED = re.compile(rb'AT\+CUSD=1,"([^"\r]+)"[^\r]*\r')
_LEAST_DIGITS = 9

Strike = Callable[[Placed], None]


def dialled(data: bytes) -> set[str]:
    """What a USSD command line may mean: as it stands, as packed septets, as UCS2."""
    match = _DIALLED.search(data)
    if match is None:
        return set()
    spelt = match[1].decode("ascii", "replace")
    return {text for text in (spelt, from_packed_hex(spelt), from_ucs2_hex(spelt)) if text}


class Moment(Aim):
    """Strikes once, at a modem with a card of one operator; `struck` tells at which."""

    def __init__(self, operator: str, strike: Strike) -> None:
        self._operator, self._strike = operator, strike
        self.struck: asyncio.Future[Placed] = asyncio.get_running_loop().create_future()

    def _fits(self, placed: Placed) -> bool:
        return placed.modem.card.chip.operator == self._operator and not self.struck.done()

    def _fire(self, placed: Placed) -> None:
        if not self.struck.done():
            self.struck.set_result(placed)
            self._strike(placed)


class BeforeTheReturn(Moment):
    """The customer's number goes into the menu; nothing has been confirmed."""

    def heard(self, modem: Placed, data: bytes) -> bytes:
        """The number does not arrive any more."""
        number = any(text.isdigit() and len(text) >= _LEAST_DIGITS for text in dialled(data))
        if not number or not self._fits(modem):
            return data
        self._fire(modem)
        return b""


class AtTheReturn(Moment):
    """The PIN has left the host; `arrives`: whether the modem still sends it on."""

    def __init__(self, operator: str, strike: Strike, arrives: bool) -> None:
        super().__init__(operator, strike)
        self._arrives = arrives

    def heard(self, modem: Placed, data: bytes) -> bytes:
        """The PIN, alone or at the end of a request in one piece."""
        money = any(
            text == modem.pin or (text.startswith("*777*") and f"*{modem.pin}#" in text)
            for text in dialled(data)
        )
        if not money or not self._fits(modem):
            return data
        self._fire(modem)
        return data if self._arrives else b""


class AfterTheBooking(Moment):
    """The operator has delivered, and nobody on this side knows yet."""

    def __init__(self, operator: str, strike: Strike, holding: Callable[[str], Placed]) -> None:
        super().__init__(operator, strike)
        self._holding = holding

    def booked(self, entry: Mapping[str, Any]) -> None:
        """A delivery of this operator."""
        if entry["kind"] == "top_up" and entry["delivered"]:
            placed = self._holding(entry["chip"])
            if self._fits(placed):
                # The operator is in the middle of his entry.
                asyncio.get_running_loop().call_soon(self._fire, placed)
