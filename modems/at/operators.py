"""Which network a modem is on, and which it can hear: +COPS (27.007 7.3).

A scan is a list of records in parentheses, followed by lists of what the command takes,
which are no networks. Modems close the parentheses of a record too early, put one record
on each line, leave names out, and write all of it as UCS2 hex when that is their charset.
So a record is taken to go from one opening parenthesis to the next, whatever is closed in
between, and it is a network if its fourth field is a PLMN.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from pulsarack.modems.at.hex_text import unfold
from pulsarack.modems.at.parameters import MISSING, Value, at, behind, parse
from pulsarack.modems.at.registration import ACCESS_TECHNOLOGIES

NETWORKS_MAX = 64

_PREFIX = "+COPS:"
_PLMN = re.compile(r"[0-9]{5,7}")
_STAT_MAX = 3


@dataclass(frozen=True, slots=True)
class Selection:
    """+COPS?: how the network was chosen, and which it is.

    mode      0 automatic, 1 manual, 2 deregistered, 4 manual, else automatic
    form      of ``name``: 0 long, 1 short, 2 PLMN; None if not said
    name      as the modem gives it; None if it is on no network
    act       access technology as a number; None if not said
    """

    mode: int
    form: int | None = None
    name: str | None = None
    act: int | None = None


@dataclass(frozen=True, slots=True)
class HeardNetwork:
    """One network that was heard: 0 unknown, 1 available, 2 current, 3 forbidden."""

    state: int
    long_name: str | None
    short_name: str | None
    plmn: str
    act: int

    @property
    def shown(self) -> str:
        """As a technician reads it: ``51010 NAME (LTE, forbidden)``."""
        state = ("unknown", "available", "in use", "forbidden")[self.state]
        name = self.long_name or self.short_name
        return " ".join(filter(None, (self.plmn, name, f"({self.technology}, {state})")))

    @property
    def technology(self) -> str:
        """The access technology in words."""
        return ACCESS_TECHNOLOGIES.get(self.act, f"act {self.act}")


def parse_selection(line: str) -> Selection | None:
    """A line of AT+COPS?; None if it is none."""
    text = behind(line, _PREFIX)
    values = parse(text or "")
    mode = at(values, 0).number
    if mode is None or mode < 0:
        return None
    name = unfold(at(values, 2).text) or None
    return Selection(mode, at(values, 1).number, name, at(values, 3).number)


def parse_scan(lines: Iterable[str]) -> tuple[HeardNetwork, ...]:
    """The networks in the lines of AT+COPS=?, those that have no prefix included."""
    text = ",".join(line if (rest := behind(line, _PREFIX)) is None else rest for line in lines)
    found = [network for record in _records(parse(text)) if (network := _network(record))]
    return tuple(found[:NETWORKS_MAX])


def _records(values: tuple[Value, ...]) -> Iterable[list[Value]]:
    """The members of each list, and what stands behind it up to the next one."""
    record: list[Value] | None = None
    for value in values:
        if value.members is None:
            if record is not None:
                record.append(value)
            continue
        if record is not None:
            yield record
        record = list(value.members)
    if record is not None:
        yield record


def _network(record: list[Value]) -> HeardNetwork | None:
    state, long_name, short_name, plmn, act = (*record, *[MISSING] * 5)[:5]
    number = unfold(plmn.text)
    if state.number is None or not 0 <= state.number <= _STAT_MAX or not _PLMN.fullmatch(number):
        return None
    names = unfold(long_name.text) or None, unfold(short_name.text) or None
    return HeardNetwork(state.number, *names, number, act.number or 0)
