"""SMS PDUs, through python-gammu: the simulator's only third party, in this one file.

python-gammu is kept away from the product's own codec on purpose. What it is known to get wrong
is put right here: the type octet and the time zone of a DELIVER, and foreign memory behind texts
with extension characters.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import gammu

from pulsarack.modems.simulator.ussd_text import EXTENSION, is_gsm

SERVICE_CENTRE = "+62811000000"
SINGLE_SEPTETS, PART_SEPTETS = 160, 153
SINGLE_UCS2, PART_UCS2 = 70, 67


class PduError(ValueError):
    """The TE handed over something that is no SMS-SUBMIT."""


@dataclass(frozen=True)
class Submit:
    """What an SMS-SUBMIT says (23.040 9.2.2.2). part: (reference, parts, place) if there are."""

    to: str
    text: str
    part: tuple[int, int, int] | None


def deliver_pdus(sender: str, text: str, sent: datetime, reference: int) -> list[str]:
    """SMS-DELIVER PDUs with service centre, hex, one or several parts (23.040 9.2.2.1)."""
    gsm = is_gsm(text)
    parts = split_text(text, gsm)
    pdus = []
    for place, part in enumerate(parts, start=1):
        header = bytes([5, 0, 3, reference % 256, len(parts), place]) if len(parts) > 1 else b""
        pdus.append(_deliver(sender, part, gsm, sent, header))
    return pdus


def tpdu_length(pdu: str) -> int:
    """Octets of the TPDU without the service centre: the <length> of +CMGL (27.005 3.1)."""
    octets = len(pdu) // 2
    return octets - 1 - int(pdu[:2], 16)


def read_submit(pdu: str, length: int) -> Submit:
    """An SMS-SUBMIT as the TE wrote it after AT+CMGS=<length>. Raises PduError."""
    try:
        octets = bytes.fromhex(pdu)
    except ValueError as error:
        raise PduError("not hex") from error
    if not octets or len(octets) - 1 - octets[0] != length:
        raise PduError("the length is not that of AT+CMGS")
    if octets[1 + octets[0]] & 0x03 != 0x01:
        raise PduError("not a SUBMIT")
    try:
        message = gammu.DecodePDU(octets, True)
    except gammu.GSMError as error:
        raise PduError("gammu cannot read it") from error
    header = message["UDH"]
    part = None
    if header["AllParts"] > 1:
        reference = max(header["ID8bit"], header["ID16bit"])
        part = (reference, header["AllParts"], header["PartNumber"])
    return Submit(message["Number"], message["Text"].split("\0")[0], part)


def split_text(text: str, gsm: bool) -> list[str]:
    """A text in pieces that fit one SMS each; an extension character counts twice."""
    single, several = (SINGLE_SEPTETS, PART_SEPTETS) if gsm else (SINGLE_UCS2, PART_UCS2)
    if _size(text, gsm) <= single:
        return [text]
    parts = [""]
    for character in text:
        if _size(parts[-1] + character, gsm) > several:
            parts.append("")
        parts[-1] += character
    return parts


def _size(text: str, gsm: bool) -> int:
    if not gsm:
        return len(text.encode("utf-16-be")) // 2
    return len(text) + sum(character in EXTENSION for character in text)


def _deliver(sender: str, text: str, gsm: bool, sent: datetime, header: bytes) -> str:
    message: dict[str, object] = {
        "SMSC": {"Number": SERVICE_CENTRE},
        "Number": sender,
        "Text": text,
        "Coding": "Default_No_Compression" if gsm else "Unicode_No_Compression",
        "Type": "Deliver",
        "DateTime": sent.replace(tzinfo=None),
        "Class": -1,
        "Folder": 0,
    }
    if header:
        message["UDH"] = {"Type": "UserUDH", "Text": header}
    octets = bytearray(gammu.EncodePDU(message, "Deliver"))
    first = 1 + octets[0]
    # TP-MTI 0, TP-MMS 1 (nothing more waits): gammu leaves them as it pleases.
    octets[first] = octets[first] & 0b1111_1000 | 0b0000_0100
    zone = first + 2 + 1 + (octets[first + 1] + 1) // 2 + 2 + 6
    octets[zone] = _zone_octet(sent.utcoffset() or timedelta())
    return bytes(octets).hex().upper()


def _zone_octet(offset: timedelta) -> int:
    """Quarters of an hour in swapped decimal, bit 3 for west of Greenwich (23.040 9.2.3.11)."""
    quarters = int(offset.total_seconds() // 900)
    tens, units = divmod(abs(quarters), 10)
    return units << 4 | tens | (0x08 if quarters < 0 else 0)
