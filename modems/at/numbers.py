"""Telephone numbers that a modem tells: its own (+CNUM) and the service centre (+CSCA).

27.007 7.1 and 27.005 3.3.1. Names may stand in quotes or not, numbers likewise or with one
quote of two, either as UCS2 hex if that is the modem's charset. A card that does not know
its number gives an empty one.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from pulsarack.modems.at.hex_text import unfold
from pulsarack.modems.at.parameters import at, behind, parse

_NUMBER = re.compile(r"\+?[0-9*#abcABC]{1,40}")


@dataclass(frozen=True, slots=True)
class Centre:
    """+CSCA: the service centre's address, empty if none is set, and its type (24.011 8.2.5.2)."""

    number: str
    type_of_address: int | None


def parse_own_numbers(lines: Iterable[str]) -> tuple[str, ...]:
    """The numbers in the lines of AT+CNUM, those that are empty left out."""
    found: list[str] = []
    for line in lines:
        values = parse(behind(line, "+CNUM:") or "")
        number = unfold(at(values, 1).text).strip()
        if _NUMBER.fullmatch(number):
            found.append(number)
    return tuple(found)


def parse_centre(line: str) -> Centre | None:
    """A line of AT+CSCA?; None if it is none."""
    text = behind(line, "+CSCA:")
    if text is None:
        return None
    values = parse(text)
    number = unfold(at(values, 0).text).strip()
    if number and not _NUMBER.fullmatch(number):
        return None
    return Centre(number, at(values, 1).number)
