"""Final results: the lines that end a command (27.007 9.2, 27.005 3.2.5, V.250 5.7).

Modems differ: a number or its name behind the colon, the plus sign missing, the next
line glued on without a break (``+CME ERROR: 25+CNUM: ...``), a bare ``error: text``.
``NO CARRIER`` and its kin end a command only if that command dialled; otherwise they
report a call nobody here cares about. A modem that was left at ATV0 says a digit instead
(V.250 5.7.1): that is believed only of the answer to a probe, since digits are answers to
other commands.
"""

import re
from enum import Enum
from typing import NamedTuple

from pulsarack.modems.at import error_names


class FinalKind(Enum):
    """Which family a final result belongs to."""

    OK = "OK"
    ERROR = "ERROR"
    CME = "+CME ERROR"
    CMS = "+CMS ERROR"
    CALL = "call result"
    LINE = "information response that ends its command"
    NUMERIC = "result code of ATV0"


class Final(NamedTuple):
    """How a command ended; ``said`` is the modem's own line."""

    kind: FinalKind
    said: str
    code: int | None = None

    @property
    def ok(self) -> bool:
        """The command was carried out."""
        if self.kind in (FinalKind.CALL, FinalKind.NUMERIC):
            return self.said == "OK" or self.said.startswith("CONNECT")
        return self.kind in (FinalKind.OK, FinalKind.LINE)

    def __str__(self) -> str:
        name = None
        if self.kind is FinalKind.CME and self.code is not None:
            name = error_names.MOBILE_EQUIPMENT_ERRORS.get(self.code)
        if self.kind is FinalKind.CMS and self.code is not None:
            name = error_names.MESSAGE_SERVICE_FAILURES.get(self.code)
        if name is None or name.casefold() in self.said.casefold():
            return self.said
        return f"{self.said} ({name})"


_REFUSALS = ("ERROR", "COMMAND NOT SUPPORT", "COMMAND NOT SUPPORTED", "TOO MANY PARAMETERS")
_PLAIN = {
    "OK": Final(FinalKind.OK, "OK"),
    **{said: Final(FinalKind.ERROR, said) for said in _REFUSALS},
}
_CALL = frozenset({"CONNECT", "NO CARRIER", "NO ANSWER", "NO DIALTONE", "NO DIAL TONE", "BUSY"})
_NUMERIC = {
    "0": "OK",
    "1": "CONNECT",
    "3": "NO CARRIER",
    "4": "ERROR",
    "6": "NO DIALTONE",
    "7": "BUSY",
    "8": "NO ANSWER",
}
NUMERIC_RING = "2"
_GLUED = re.compile(r"(OK|ERROR|\+CM[ES] ERROR: ?\d{1,9})(?=[+^])")
_CODED = re.compile(r"\+?CM([ES]) ERROR(?:$|[: ]\s*)(.*)", re.DOTALL)
_BARE = re.compile(r"error:\s*(\S.*)", re.DOTALL)


def unglue(line: str) -> tuple[str, str]:
    """Part a final result from a line glued behind it; the rest is mostly empty."""
    match = _GLUED.match(line)
    return (match.group(), line[match.end() :]) if match else (line, "")


def parse_final(line: str, dialling: bool = False) -> Final | None:
    """Read a stripped line as a final result; None if it is something else."""
    plain = _PLAIN.get(line)
    if plain is not None:
        return plain
    if dialling and (line in _CALL or line.startswith("CONNECT ")):
        return Final(FinalKind.CALL, line)
    match = _CODED.fullmatch(line)
    if match:
        return _coded(line, match.group(1), match.group(2))
    match = _BARE.fullmatch(line)
    if match:
        return _coded(line, "E", match.group(1))
    return None


def parse_numeric(line: str) -> Final | None:
    """Read a line as a result code of ATV0; None if it is something else."""
    said = _NUMERIC.get(line)
    return None if said is None else Final(FinalKind.NUMERIC, said, int(line))


def _coded(line: str, family: str, rest: str) -> Final:
    kind, names = FinalKind.CME, error_names.MOBILE_EQUIPMENT_ERRORS
    if family == "S":
        kind, names = FinalKind.CMS, error_names.MESSAGE_SERVICE_FAILURES
    number = re.match(r"\d{1,9}(?!\d)", rest)
    code = int(number.group()) if number else error_names.number_of(names, rest)
    return Final(kind, line, code)
