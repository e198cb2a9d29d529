"""What a modem says of its SIM card: is it in, is it locked, how many tries are left.

+CPIN (27.007 8.3) names the code the card waits for. The tries left have no command that
all makers know: +CPINR (27.007 8.65), u-blox +UPINCNT, Quectel +QPINC, Huawei ^CPIN, and
everywhere +CSIM with an empty VERIFY, whose status words tell them (31.101 10.2.1: 63CX).
Telit #QSS, Quectel +QUSIM, Huawei ^SIMST and Wavecom +WIND report that the card goes and
comes.
"""

import re
from dataclasses import dataclass

from pulsarack.modems.at.parameters import at, behind, parse

_STATE = re.compile(r"[A-Z0-9][A-Z0-9 -]{1,30}")
_STATES_BEGIN = ("READY", "SIM ", "PH-")
_STATUS_WORDS = re.compile(r"(?:[0-9A-Fa-f]{4})?([0-9A-Fa-f]{4})")

_OUT = {
    "+CPIN:": frozenset({"NOT INSERTED", "NOT READY", "SIM REMOVED"}),
    "+QUSIM:": frozenset({"0"}),
    "+WIND:": frozenset({"0"}),
    "^SIMST:": frozenset({"255"}),
    "#QSS:": frozenset({"0"}),
    "+QSIMSTAT:": frozenset({"1,0"}),
    "+CSMINS:": frozenset({"1,0"}),
}
_QSS = ("removed", "inserted", "inserted and unlocked", "inserted and ready")


@dataclass(frozen=True, slots=True)
class Tries:
    """How many wrong codes the card still forgives; None if not said."""

    pin: int | None = None
    puk: int | None = None
    pin2: int | None = None
    puk2: int | None = None


class CardBlocked(ValueError):
    """The card takes no code any more."""


def parse_pin_state(line: str) -> str | None:
    """The code that the card waits for, or READY; None if the line says none.

    ``+CPIN: SIM PIN``, the same in quotes, or without the prefix. Huawei's ^CPIN begins so.
    """
    text = behind(line, "+CPIN:", "^CPIN:")
    state = at(parse(line if text is None else text), 0).text.strip().upper()
    if text is None and not state.startswith(_STATES_BEGIN):
        return None
    return state if _STATE.fullmatch(state) else None


def is_card_out(line: str) -> bool:
    """Whether a notice says that the card is out."""
    prefix, colon, rest = line.partition(":")
    said = "".join(rest.split()) if prefix != "+CPIN" else rest.strip().strip('"')
    return bool(colon) and said in _OUT.get(prefix + ":", ())


def parse_card(line: str) -> str | None:
    """Telit's ``#QSS: <mode>,<status>`` in words; None if it says none that is known."""
    status = at(parse(behind(line, "#QSS:") or ""), 1).number
    return _QSS[status] if status is not None and 0 <= status < len(_QSS) else None


def parse_tries(line: str) -> Tries | None:
    """The tries left for PIN and PUK by any of the commands; None if the line says none.

    CardBlocked if the card says that its code cannot be tried any more.
    """
    text = behind(line, "+CSIM:")
    if text is not None:
        return _by_status_words(text)
    text = behind(line, "+UPINCNT:")
    if text is not None:
        pin, pin2, puk, puk2 = (at(parse(text), place).number for place in range(4))
        return Tries(pin, puk, pin2, puk2)
    text = behind(line, "+QPINC:", "+CPINR:")
    if text is not None:
        return _by_name(text)
    text = behind(line, "^CPIN:")
    if text is not None:
        puk, pin, puk2, pin2 = (at(parse(text), place).number for place in range(2, 6))
        return Tries(pin, puk, pin2, puk2)
    return None


def _by_name(text: str) -> Tries | None:
    """``+QPINC: "SC",3,10`` says both, ``+CPINR: SIM PIN,3,3`` the one it names."""
    values = parse(text)
    name, first = at(values, 0).text.upper(), at(values, 1).number
    if name == "SC":
        return Tries(first, at(values, 2).number)
    if name == "SIM PIN":
        return Tries(pin=first)
    return Tries(puk=first) if name == "SIM PUK" else None


def _by_status_words(text: str) -> Tries | None:
    """``+CSIM: 8,"000063C3"``; the length may count what stands before the status words."""
    answer = at(parse(text), 1)
    found = _STATUS_WORDS.fullmatch(answer.text) if answer.quoted else None
    if found is None:
        return None
    words = found[1].upper()
    if words == "6983":
        raise CardBlocked("authentication method blocked (6983)")
    return Tries(pin=int(words[3], 16)) if words.startswith("63C") else None
