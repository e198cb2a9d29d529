"""Recorded PDUs, and those inside of recorded replies, against our own reading."""

from typing import Any

from pulsarack.modems import tpdu
from pulsarack.modems.tpdu import Alphabet, Deliver, Kind, StatusReport, Submit, Unreadable

Read = dict[str, Any]

# What a record says about itself.
_ABOUT_THE_RECORD = frozenset(
    {"id", "pdu", "smsc_included", "encoding", "source", "source_gives", "provenance", "note"}
)
FLASH_CLASS = 0


def kind_of(row: Read) -> str:
    """What the report counts it under."""
    return f"{row['direction']} {row['encoding'] or ''}".strip()


def differences(row: Read) -> list[str]:
    """In words, what was read otherwise than the record says; empty if nothing."""
    read = reading_of(row["pdu"], Kind(row["direction"]), smsc_included=row["smsc_included"])
    if read is None:
        return ["is not read as a PDU"]
    found: list[str] = []
    for key, value in row.items():
        if key in _ABOUT_THE_RECORD:
            continue
        got = read.get(key)
        if key == "text" and value is None and row["encoding"] == "8bit":
            continue  # the record has the octets instead
        if got != value:
            found.append(f"{key}: read {got!r}, recorded {value!r}")
    return found


def reading_of(
    pdu: str, direction: Kind | None = None, *, smsc_included: bool = True
) -> Read | None:
    """A PDU in the words of the records; None if it is none.

    ``whole`` is False if its text is shorter than it says.
    """
    one = tpdu.read_pdu(pdu, direction, smsc_included=smsc_included)
    match one:
        case Unreadable():
            return None
        case Deliver():
            return _common(one, "deliver", one.sender) | _text(one.user_data)
        case Submit():
            read = _common(one, "submit", one.recipient) | _text(one.user_data)
            return read | {"mr": one.reference, **_validity(one.validity)}
        case StatusReport():
            return _common(one, "status-report", one.recipient) | {
                "mr": one.reference,
                "discharge": one.discharged_at,
                "status": one.status,
                "timestamp": one.timestamp,
            }


def _common(one: Deliver | Submit | StatusReport, direction: str, other: tpdu.Address) -> Read:
    centre = one.service_centre
    return {
        "direction": direction,
        "smsc": centre.text if centre else None,
        "sender": other.text,
        "recipient": other.text,
        "address": other.text,
        "toa": other.type_of_address,
        "pid": one.protocol_identifier,
        "timestamp": one.timestamp if isinstance(one, Deliver) else None,
    }


def _text(data: tpdu.UserData) -> Read:
    place = data.concatenation
    eight_bit = data.coding.alphabet is Alphabet.EIGHT_BIT
    return {
        "whole": not data.fault,
        "text": data.text,
        "dcs": data.coding.octet,
        "data": data.data.hex().upper() if eight_bit else None,
        "message_class": data.coding.message_class,
        "flash": data.coding.message_class == FLASH_CLASS,
        "udh": [{"iei": one.identifier, "data": one.data.hex().upper()} for one in data.header]
        or None,
        "concat": {
            "ref": place.reference,
            "bits": place.reference_bits,
            "total": place.total,
            "seq": place.number,
        }
        if place
        else None,
    }


def _validity(validity: int | str | bytes | None) -> Read:
    if isinstance(validity, bytes):
        return {"vp_enh": validity.hex().upper()}
    return {"vp_abs": validity} if isinstance(validity, str) else {"vp": validity}
