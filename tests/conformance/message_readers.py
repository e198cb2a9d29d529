"""Readers of kinds that hold messages, USSD strings, or nothing but a result."""

from collections.abc import Iterator
from typing import Any

from pulsarack.modems.at import cusd, hex_text, message_lines
from pulsarack.modems.at.cusd import UssdEncoding
from pulsarack.modems.at.numbers import parse_own_numbers
from pulsarack.modems.at.parameters import Value, behind, parse
from pulsarack.modems.at.results import FinalKind
from tests.conformance.check import Read, Reader
from tests.conformance.pdus import reading_of
from tests.conformance.replies import Row, Taken, take_in_between

SPAN_MAX = 100
_ENCODINGS = {
    UssdEncoding.PLAIN: "text",
    UssdEncoding.PACKED_HEX: "gsm7-packed-hex",
    UssdEncoding.UCS2_HEX: "ucs2-hex",
}


def _listed(row: Row, taken: Taken) -> Read:
    messages = [
        {
            "index": one.header.index,
            "stat": one.header.status,
            "length": one.header.length,
            "pdu": one.pdu,
        }
        for one in message_lines.parse_listed(taken.lines)
    ]
    return {"messages": messages}


def _message(row: Row, taken: Taken) -> Read:
    if taken.notices and taken.notices[0].startswith(("+CMT:", "+CDS:")):
        lines = tuple(taken.notices[0].split("\n"))
    else:
        lines = taken.lines
    found = message_lines.parse_listed(lines)
    if not found:
        return {}
    one = found[0]
    read: Read = {"stat": one.header.status, "length": one.header.length, "pdu": one.pdu}
    expected = row["parsed"]
    if "header" in expected:
        # The record has the header as it stands; length and status are what is read of it.
        header = expected["header"]
        status = header[1] if len(header) == 4 else header[0]
        same = (str(one.header.length), str(one.header.status or 0)) == (header[-1], status or "0")
        read["header"] = header if same else [one.header]
    read["alpha"] = expected.get("alpha")  # a name of the phone book, which nobody asks for
    pdu = reading_of(one.pdu or "")
    read["pdu_valid"] = pdu is not None and pdu.get("whole", True)
    if "decoded" in expected and pdu is not None:
        read["decoded"] = {key: pdu.get(key) for key in expected["decoded"]}
    if "urc_inside" in expected:
        read["urc_inside"] = next(map(_ussd, taken.notices), None)
    return read


def _place(row: Row, taken: Taken) -> Read:
    place = next(filter(None, map(message_lines.parse_place, taken.notices)), None)
    if place is None:
        return {}
    return {"mem": place.store, "index": -1 if place.index is None else place.index}


def _sent(row: Row, taken: Taken) -> Read:
    references = [message_lines.parse_reference(line) for line in taken.lines]
    found = [one for one in references if one is not None]
    others = [line for line in taken.lines if not line.startswith("+CMGS:")]
    return {
        "ref": found[0] if found else None,
        "prompt": taken.prompted,
        "cruft": others,
        "urcs_inside": list(taken.notices),
    }


def _prompt(row: Row, taken: Taken) -> Read:
    return {} if taken.prompted else {"prompt": "was not seen"}


def _ussd(line: str) -> Read:
    read = cusd.parse(line)
    if read is None:
        return {}
    found: Read = {"type": "cusd", "m": read.status, "dcs": read.dcs}
    if read.content is None:
        return found | {"text": None, "encoding": None}
    encoding = cusd.encoding_of(read.content, read.dcs, UssdEncoding.PLAIN)
    text = cusd.decode(read.content, read.dcs, UssdEncoding.PLAIN)
    return found | {"text": text, "encoding": _ENCODINGS[encoding]}


def _ussd_line(row: Row, taken: Taken) -> Read:
    found = [_ussd(line) for line in taken.notices if line.startswith("+CUSD:")]
    if len(found) != 1:
        return {"number of +CUSD lines": len(found)}
    if "damaged" in row["parsed"]:
        # Digits that are no encoding are shown as they came, whatever they were meant to be.
        found[0].pop("encoding")
        found[0]["encoding"] = row["parsed"]["encoding"]
    return found[0]


def _ussd_lines(row: Row, taken: Taken) -> Read:
    found = [_ussd(line) for line in taken.notices if line.startswith("+CUSD:")]
    others = [line for line in taken.said if not line.startswith("+CUSD:")]
    return {
        "items": found,
        "answer": found[-1]["text"] if found else None,
        "unknown_urcs": others,
        "extra_final": taken.late[0].said if taken.late else None,
    }


def _final(row: Row, taken: Taken) -> Read:
    final = taken.end
    if final is None:
        return {}
    read: Read = {"ok": final.ok}
    if final.kind.value != "result code of ATV0" and final.code is not None:
        read["code"] = final.code
    expected = row["parsed"].get("text")
    if expected is not None:
        # The name of a number, or what the modem said in its stead.
        said = str(final).casefold()
        read["text"] = expected if expected.casefold() in said else str(final)
    return read


def _glued(row: Row, taken: Taken) -> Read:
    final = taken.end
    behind_it = [_then(line) for line in taken.said]
    return {"code": final.code if final else None, "then": behind_it[0] if behind_it else None}


def _then(line: str) -> Read:
    return {"type": "cnum", "numbers": list(parse_own_numbers((line,)))}


def _stream(row: Row, taken: Taken) -> Read:
    """What came one behind the other, in the words of the record."""
    found = [] if row["raw"].partition("\r")[0] in taken.said else ["echo"]
    found += [line.partition(":")[0].lstrip("+^").lower() for line in taken.notices]
    final = taken.final
    if final is not None and final.kind.value == "+CME ERROR" and taken.strays:
        found.append("glued error" + taken.strays[0].partition(":")[0].lower())
    return {"items": found}


def notices(row: Row, taken: Taken) -> Read:
    """None is lost, and none spoils the answer to a command that is in flight."""
    lines = [line for line in row["raw"].replace("\r", "\n").split("\n") if line]
    between = take_in_between(row)
    if sorted(taken.said) != sorted(lines) or sorted(between.said) != sorted(lines):
        return {"urcs": list(taken.said)}
    if taken.lines or between.final is None or between.final.kind is not FinalKind.OK:
        return {"urcs": "were taken for an answer"}
    return grammar(row, taken) | {"urcs": list(lines)}


def grammar(row: Row, taken: Taken) -> Read:
    """The product has no use for these, but reads their parameters like all others."""
    texts: set[str] = {""}
    for line in taken.said:
        texts |= set(_texts(parse(behind(line, line.partition(":")[0] + ":") or "")))
    return {
        key: value
        for key, value in row["parsed"].items()
        if value is None or all(one in texts for one in _told(value))
    }


def _told(wanted: Any) -> Iterator[str]:
    """All that a record names, as the texts that should stand there."""
    if isinstance(wanted, dict):
        wanted = list(wanted.values())
    if isinstance(wanted, list):
        for one in wanted:
            yield from _told(one)
    else:
        yield "" if wanted is None else str(wanted)


def _texts(values: tuple[Value, ...]) -> Iterator[str]:
    """All that was read, lists and both ends of ranges included."""
    for value in values:
        if value.members is not None:
            yield from _texts(value.members)
        yield hex_text.unfold(value.text)
        for first, last in value.spans:
            yield from map(str, range(first, min(last, first + SPAN_MAX) + 1))
            yield str(last)


def _alone(row: Row, taken: Taken) -> Read:
    """Lines that are neither a result nor a known notice stay what they are."""
    raw = [line.strip() for line in row["raw"].splitlines()]
    lines = [line for line in taken.said if line in raw]
    read: Read = {"text": lines[0] if lines else None}
    read["without_echo"] = row["parsed"].get("without_echo") if taken.final else None
    return read if lines or taken.final else {"lines": "lost"}


READERS: dict[str, Reader] = {
    "cmgl": _listed,
    "cmgr": _message,
    "cmt": _message,
    "cds": _message,
    "cmti": _place,
    "cdsi": _place,
    "cmgs": _sent,
    "prompt": _prompt,
    "cusd": _ussd_line,
    "cusd_seq": _ussd_lines,
    "final": _final,
    "glued": _glued,
    "stream": _stream,
    "incomplete": _alone,
    "unknown": _alone,
    "echo": _alone,
    "echoed_range": _alone,
    "urcs": notices,
}
