"""Which AT commands a technician may type between two orders, and which not.

A command line is taken apart as V.250 5.3 and 5.4 say: basic commands follow each other
without a sign between them, extended ones are parted by semicolons, a dial string takes
the rest of the line. Questions (``?``, ``=?``) are harmless. What could move money, lock a
card, lose a text or a setting that the daemon relies on is refused by name; so is what
cannot be read at all. Pure.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

LENGTH_MAX = 200


class Danger(Enum):
    """Why a command is refused; the value is said to the technician."""

    MONEY = "it can move money behind the books"
    LOCK = "it can lock the card, or shows what unlocks it"
    LOSS = "it deletes or changes what is stored"
    AWAY = "it takes the modem off the network or the bus; use: pulsarack modem reset"
    MUTE = "the modem would not be understood any more"
    UNREAD = "it is no AT command line that can be read"
    NEEDS_MORE = "it needs more than one line, which is not given here"


# These are refused whoever forces them: the modem would wait for what never comes.
FOR_NOBODY = frozenset({Danger.UNREAD, Danger.NEEDS_MORE})


@dataclass(frozen=True, slots=True)
class Part:
    """One command of a line: its name, ``=``, ``?``, ``=?`` or nothing, and its value."""

    name: str
    form: str
    value: str


_EXTENDED = re.compile(
    r"([+^*#$%!@/\\~|_-][A-Z][A-Z0-9!%./:_-]{0,30})(=\?|\?|=)?((?:\"[^\"]*\"|[^\";])*)(;|\Z)"
)
_BASIC = re.compile(r"(&[A-Z]|S\d{1,3}|[A-Z])(=\?|\?|=)?(\d*)")

_BY_NAME: dict[str, Danger] = {
    **dict.fromkeys(("D", "A", "+CUSD", "+CMSS", "+CCFC", "+CTFR", "+CHLD"), Danger.MONEY),
    **dict.fromkeys(("+CGDATA", "+CGACT", "+CSIM", "^CSIM", "+CRLA"), Danger.MONEY),
    # Keys and touches dial as a hand does (27.007 8.7, 8.79); so can the card, talked to directly.
    **dict.fromkeys(("+CKPD", "+CTSA", "+CGLA", "+CCHO", "+CMAR"), Danger.MONEY),
    **dict.fromkeys(("+CPIN", "+CPIN2", "^CPIN", "+CLCK", "+CPWD", "^CARDLOCK"), Danger.LOCK),
    **dict.fromkeys(("+EGMR", "+SIMEI", "^PHYNUM", "+CACM", "+CAMM", "+CPUC"), Danger.LOCK),
    **dict.fromkeys(("+CMGD", "+CMGDA", "+QMGDA", "+CPBW", "+CSCA", "+CSAS", "&W"), Danger.LOSS),
    **dict.fromkeys(("+CFUN", "+CPOF", "+QPOWD", "+CPOWD", "+COPS", "^RESET"), Danger.AWAY),
    **dict.fromkeys(("#REBOOT", "#SHDN", "!RESET", "^SMSO", "^SYSCFG", "^U2DIAG"), Danger.AWAY),
    **dict.fromkeys(("+IPR", "+ICF", "+IFC", "Q", "V", "O", "S3", "S4", "S5"), Danger.MUTE),
    **dict.fromkeys(("+CMGS", "+CMGW", "+CMGC", "+CMUX", "+CNMA"), Danger.NEEDS_MORE),
}
# The card's own programs can send texts and top up (11.14); each make has its own commands.
_TOOLKIT = re.compile(r"[+^*#](?:ST(?:GR|GC|IN|K|PD|SF|TR)|QSTK|PSSTK|SSTK|CUSAT[AETW])")
_LETTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ&")
# The spellings of these that do no harm: end a USSD session, read a file of the card.
_HARMLESS_VALUES = {"+CUSD": re.compile(r"[02]")}
_CARD_READ = re.compile(r"(?:176|178|192|242)(?:,.*)?")
# What is said without a value and changes nothing.
_TELLS = re.compile(r"I|[+^*#$%!][A-Z0-9]+")


def parts_of(line: str) -> list[Part] | None:
    """The commands of a line; None if it cannot be read."""
    text = line.strip()
    if not (text.isascii() and text.isprintable() and len(text) <= LENGTH_MAX):
        return None
    if text[:2].upper() != "AT":
        return None
    return _gather(_take_apart(_without_blanks(text[2:])))


def _gather(found: Iterator[Part | None]) -> list[Part] | None:
    parts = []
    for part in found:
        if part is None:
            return None
        parts.append(part)
    return parts


def _without_blanks(text: str) -> str:
    """Blanks mean nothing outside of quotes; capitals neither (V.250 5.2.1)."""
    pieces = text.split('"')
    outside = [re.sub(r"\s", "", piece).upper() for piece in pieces[::2]]
    woven = [piece for pair in zip(outside, [*pieces[1::2], ""], strict=False) for piece in pair]
    return '"'.join(woven[: len(pieces)])


def _take_apart(text: str) -> Iterator[Part | None]:
    while text:
        if text[0] == ";":
            text = text[1:]
            continue
        if text[0] == "D":
            yield Part("D", "", text[1:])
            return
        match = _EXTENDED.match(text) if not text[0].isalpha() and text[0] != "&" else None
        match = match or _BASIC.match(text)
        if match is None:
            yield None
            return
        yield Part(match[1], match[2] or "", match[3] or "")
        text = text[match.end() :]


def danger(line: str) -> Danger | None:
    """Why this line is refused; None if it is not."""
    parts = parts_of(line)
    if parts is None:
        return Danger.UNREAD
    found = [one for part in parts if (one := _danger_of(part)) is not None]
    worst = [one for one in found if one in FOR_NOBODY]
    return next(iter(worst or found), None)


def _danger_of(part: Part) -> Danger | None:
    if part.form in ("?", "=?"):
        # What follows a question mark is no part of the question.
        return Danger.UNREAD if part.value else None
    if part.form == "" and part.value and part.name[0] not in _LETTERS:
        return Danger.UNREAD  # another command, glued to it
    if part.name == "+CRSM":
        return None if _CARD_READ.fullmatch(part.value) else Danger.LOCK
    if _TOOLKIT.match(part.name):
        return Danger.MONEY
    harmless = _HARMLESS_VALUES.get(part.name)
    if harmless is not None and part.form == "=" and harmless.fullmatch(part.value):
        return None
    return _BY_NAME.get(part.name)


def fit_to_record(line: str) -> str:
    """The line; without what is given to its commands where one of them may take a PIN."""
    parts = parts_of(line) or []
    if not any(_danger_of(part) is Danger.LOCK for part in parts):
        return line
    return "AT" + ";".join(part.name + part.form for part in parts)


def changes_settings(line: str) -> bool:
    """Whether the modem should be set up anew behind this line."""
    parts = parts_of(line) or []
    return any(
        part.form == "=" or (part.form == "" and not _TELLS.fullmatch(part.name)) for part in parts
    )
