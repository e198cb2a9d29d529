"""How a modem stands with the network, where, and by which radio: +CREG and its kin.

27.007 7.2 (+CREG), 10.1.20 (+CGREG), 10.1.22 (+CEREG), 10.1.47 (+C5GREG). The answer to
the question begins with <n>, the notice does not, some modems give the notice in the form
of the answer, and a notice may come in between question and answer. So the form is told
from the parameters alone: after <n> comes <stat>, one to three decimal digits without
quotes and at most 15; after <stat> comes the area, which is hexadecimal, mostly of four
digits, and never without its cell.
"""

import re
from dataclasses import dataclass
from enum import IntEnum

from pulsarack.modems.at.parameters import Value, at, behind, parse


class RegistrationState(IntEnum):
    """<stat> of 27.007 7.2."""

    IDLE = 0
    HOME = 1
    SEARCHING = 2
    DENIED = 3
    UNKNOWN = 4
    ROAMING = 5
    HOME_SMS_ONLY = 6
    ROAMING_SMS_ONLY = 7
    EMERGENCY_ONLY = 8
    HOME_CSFB_NOT_PREFERRED = 9
    ROAMING_CSFB_NOT_PREFERRED = 10
    ATTACHED_RLOS = 11


# <AcT> of 27.007 7.2 and 7.3, in the words on a technician's screen.
ACCESS_TECHNOLOGIES = {
    0: "GSM",
    1: "GSM_COMPACT",
    2: "UMTS",
    3: "EDGE",
    4: "HSDPA",
    5: "HSUPA",
    6: "HSPA",
    7: "LTE",
    8: "EC-GSM-IOT",
    9: "NB-IOT",
    10: "LTE_5GCN",
    11: "5GNR",
    12: "5GNR",
    13: "5GNR",
}

PREFIXES = ("+CREG:", "+CGREG:", "+CEREG:", "+C5GREG:")

_STAT_MAX = 15
_STAT = re.compile(r"[0-9]{1,3}")
_SHORT = re.compile(r"[0-9A-Fa-f]{1,2}")


@dataclass(frozen=True, slots=True)
class RegistrationReport:
    """One line of +CREG or its kin.

    family  ``+CREG``, ``+CGREG``, ``+CEREG`` or ``+C5GREG``
    mode    <n>, which notices are switched on; None in a notice
    state   <stat> as a number, also one that no standard names
    lac     location or tracking area; None if not said
    ci      cell; None if not said
    act     access technology as a number; None if not said
    """

    family: str
    mode: int | None
    state: int
    lac: int | None = None
    ci: int | None = None
    act: int | None = None

    @property
    def state_name(self) -> str:
        """The state by its name."""
        try:
            return RegistrationState(self.state).name
        except ValueError:
            return RegistrationState.UNKNOWN.name

    @property
    def technology(self) -> str | None:
        """The access technology in words; None if not said."""
        return None if self.act is None else ACCESS_TECHNOLOGIES.get(self.act, f"act {self.act}")


def parse_report(line: str) -> RegistrationReport | None:
    """A line of +CREG or its kin; None if it is none or does not tell the state."""
    family = next((one for one in PREFIXES if line.startswith(one)), None)
    if family is None:
        return None
    values = parse(behind(line, family) or "")
    mode, place = (at(values, 0).number, 1) if _has_mode(values) else (None, 0)
    state = at(values, place)
    if not _is_stat(state):
        return None
    lac, ci, act = _place(values[place + 1 :], family)
    return RegistrationReport(
        family.rstrip(":"), mode, int(state.text), _number(lac), _number(ci), _radio(act)
    )


def _has_mode(values: tuple[Value, ...]) -> bool:
    """Whether the first parameter is <n>: the second is a <stat> then, and not an area."""
    if len(values) < 2 or not _is_stat(values[0]) or not _is_stat(values[1]):
        return False
    # Three are <stat>,<lac>,<ci>, since an area is never said without its cell.
    return len(values) != 3 or values[2].quoted or not values[2].text


def _is_stat(value: Value) -> bool:
    if value.quoted or not _STAT.fullmatch(value.text):
        return False
    return int(value.text) <= _STAT_MAX


def _place(rest: tuple[Value, ...], family: str) -> tuple[Value, Value, Value]:
    """Area, cell and technology; early +CEREG has a routing area of two digits in between."""
    routed = _SHORT.fullmatch(at(rest, 1).text) and len(at(rest, 2).text) > 2
    if family == "+CEREG:" and len(rest) >= 4 and routed:
        return rest[0], rest[2], rest[3]
    return at(rest, 0), at(rest, 1), at(rest, 2)


def _number(value: Value) -> int | None:
    """An area or a cell; 0 stands for none."""
    return value.hexadecimal or None


def _radio(value: Value) -> int | None:
    number = None if value.quoted else value.number
    return number if number is not None and 0 <= number <= _STAT_MAX else None
