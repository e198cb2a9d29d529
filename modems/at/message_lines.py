"""The lines around a PDU: +CMGL, +CMGR, +CMT, +CDS, +CMTI, +CDSI, +CMGS (27.005 3 and 4).

A header is followed by the PDU in a line of its own. Its last parameter is the length of
the PDU; what stands before it differs: the name from the phone book may be missing or left
out with its comma, ZTE leaves the status out and puts a comma too many. Some captures put
header and PDU into one line. Notices come in between anywhere, even between a header and
its PDU; the machine has taken them out before.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pulsarack.modems.at.parameters import at, behind, parse

INDEX_MAX = 99_999
# It has eight bits; who counts on is believed that far.
REFERENCE_MAX = 999

_NOTICE = re.compile(r"[+^#*$%_][A-Z][A-Z0-9]+:")
_PDU_BEHIND = re.compile(r"[0-9A-Fa-f]{16,}")
_FAMILIES = ("+CMGL:", "+CMGR:", "+CMT:", "+CDS:")
# What a header in PDU mode may have at most; in text mode it has more.
_PARAMETERS_MAX = 4


@dataclass(frozen=True, slots=True)
class Header:
    """What stands before a PDU.

    index   where the message is stored; None outside of +CMGL
    status  0 unread, 1 read, 2 not sent, 3 sent (27.005 3.1); None if not said
    length  octets of the PDU without the service centre; None if not said
    """

    index: int | None
    status: int | None
    length: int | None


@dataclass(frozen=True, slots=True)
class Listed:
    """A header and the line behind it, which should be a PDU; None if none came."""

    header: Header
    pdu: str | None


@dataclass(frozen=True, slots=True)
class StoredAt:
    """Where a new message or report is stored: +CMTI, +CDSI.

    ``index`` is None if there is none to read: -1 says that the store took nothing.
    """

    store: str
    index: int | None


def parse_header(line: str) -> Header | None:
    """The header of a PDU; None if the line is none.

    A listed message is found by the beginning of its header alone: what is odd behind it,
    even text mode, must not lose the message.
    """
    family = next((one for one in _FAMILIES if line.startswith(one)), None)
    values = parse(behind(line, family) or "") if family else ()
    if family is None or not values:
        return None
    length = values[-1].number if len(values) <= _PARAMETERS_MAX else None
    if family in ("+CMT:", "+CDS:"):
        # In text mode they have more parameters than name and length, and no PDU follows.
        return Header(None, None, length) if length is not None and len(values) <= 2 else None
    # +CMGL begins with the index, and so does +CMGR of some makers: it has four then.
    full = len(values) == _PARAMETERS_MAX and not values[0].quoted
    indexed = family == "+CMGL:" or full
    index = values[0].number if indexed else None
    if indexed and (index is None or not 0 <= index <= INDEX_MAX):
        return None
    status = at(values, 1 if indexed else 0)
    return Header(index, None if status.quoted else status.number, length)


def parse_listed(lines: Iterable[str]) -> list[Listed]:
    """Headers, each with its PDU, in the lines of AT+CMGL, AT+CMGR, +CMT or +CDS.

    A notice that nobody knows may stand between the two. A header that cannot be read ends
    the one before it: no PDU may get the place of another.
    """
    found: list[Listed] = []
    header: Header | None = None
    for line in _unglued(lines):
        if line.startswith(_FAMILIES):
            if header is not None:
                found.append(Listed(header, None))
            header = parse_header(line)
        elif header is not None and not _NOTICE.match(line):
            found.append(Listed(header, line.strip()))
            header = None
    if header is not None:
        found.append(Listed(header, None))
    return found


def _unglued(lines: Iterable[str]) -> Iterator[str]:
    """The lines that are not blank, a header with its PDU behind it parted in two."""
    for line in lines:
        head, _, tail = line.strip().rpartition(" ")
        if head.startswith("+C") and _PDU_BEHIND.fullmatch(tail):
            yield head
            yield tail
        elif line.strip():
            yield line


def parse_place(line: str) -> StoredAt | None:
    """A line of +CMTI or +CDSI; None if it is none, or does not say where."""
    text = behind(line, "+CMTI:", "+CDSI:")
    values = parse(text or "")
    store, index = at(values, 0), at(values, 1).number
    if text is None or index is None:
        return None
    return StoredAt(store.text, index if 0 <= index <= INDEX_MAX else None)


def parse_reference(line: str) -> int | None:
    """The reference that AT+CMGS got from the network (27.005 3.5.1); None if none."""
    reference = at(parse(behind(line, "+CMGS:") or ""), 0).number
    return reference if reference is not None and 0 <= reference <= REFERENCE_MAX else None
