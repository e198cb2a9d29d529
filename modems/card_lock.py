"""The lock of a SIM card: what AT+CPIN? says, and what a person can do about it.

A card whose second PIN is wanted is open: only the phone book's fixed numbers hang on it.
Three wrong tries of the first PIN block a card until its PUK is entered, ten wrong PUKs
for ever. So the last try is never ours, and who is asked for the PIN learns which card it
is for and how many tries are left, as far as the modem tells before the card is open.

Source of the states: 3GPP TS 27.007 section 8.3.
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from pulsarack.modems.at import sim_state

READY, WANTS_PIN, BLOCKED = "READY", "SIM PIN", "SIM PUK"
OPEN = frozenset({READY, "SIM PIN2", "SIM PUK2"})
LEAST_TRIES = 2
"""So many tries must be left for one of ours."""

_UNBLOCK = "unblock it with its PUK in a phone, or replace it"
_MODEM_LOCK = "unlock the modem with its maker's or network's code, or use another modem"
REMEDIES = {
    BLOCKED: ("its PIN was entered wrong three times", _UNBLOCK),
    "BLOCKED": ("its PUK was entered wrong too often", "have the operator replace it"),
    "PH-SIM PIN": ("the modem is locked to another card", _MODEM_LOCK),
    "PH-FSIM PIN": ("the modem is locked to its first card", _MODEM_LOCK),
    "PH-NET PIN": ("the modem is locked to another network", _MODEM_LOCK),
    "PH-NETSUB PIN": ("the modem is locked to another part of the network", _MODEM_LOCK),
    "PH-SP PIN": ("the modem is locked to another provider", _MODEM_LOCK),
    "PH-CORP PIN": ("the modem is locked to another company", _MODEM_LOCK),
}
_LOCK_UNKNOWN = ("it is locked in a way we do not know", "look at it in a phone")
STATE_CHARACTERS_MAX = 40


@dataclass(frozen=True, slots=True)
class LockedCard:
    """A card that wants its PIN; None is what the modem does not tell before.

    read  its number was read from the card; else it only stands in the configuration
    """

    iccid: str | None
    tries_left: int | None
    read: bool = True


SimPin = Callable[[LockedCard], Awaitable[str | None]]
"""Gives the PIN to be tried now, or None. Whoever gives one has noted the try durably."""

Opened = Callable[[], Awaitable[None]]
"""Told as soon as a PIN that was tried has opened the card."""


def parse_state(said: str) -> str:
    """What stands behind ``+CPIN:``, without quotes and doubled blanks."""
    return " ".join(said.replace('"', " ").split()).upper()[:STATE_CHARACTERS_MAX]


def remedy(state: str) -> tuple[str, str]:
    """What a state other than open or wanting the PIN means, and what to do."""
    return REMEDIES.get(state.replace("PUK", "PIN") if state != BLOCKED else state, _LOCK_UNKNOWN)


def parse_tries(lines: tuple[str, ...], pattern: re.Pattern[str]) -> int | None:
    """How many tries the answer leaves for the PIN, by the grammar of the known commands or,
    of another, by the profile's pattern; None if it does not tell."""
    for line in lines:
        try:
            tries = sim_state.parse_tries(line)
        except sim_state.CardBlocked:
            return 0
        if tries is not None and tries.pin is not None:
            return tries.pin
        match = pattern.search(line)
        if match and match.group(1) and re.fullmatch(r"[0-9]{1,2}", match.group(1)):
            return int(match.group(1))
    return None
