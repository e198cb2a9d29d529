"""SMS PDUs, through python-gammu: the simulator's only third party, in this one file.

python-gammu is kept away from the product's own codec on purpose. What it is known to get wrong
is put right here: the type octet and the time zone of a DELIVER, and foreign memory behind texts
with extension characters. UCS2 it gets as octets, because of what it makes of a ~ in there.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import gammu

from pulsarack.modems.simulator.ussd_text import EXTENSION, is_gsm

SERVICE_CENTRE = "+62811000000"
SINGLE_SEPTETS, PART_SEPTETS = 160, 153
EIGHT_BIT, UCS2, UCS2_FLASH = 0x04, 0x08, 0x18  # TP-DCS, 23.038 section 4
SINGLE_UCS2, PART_UCS2 = 70, 67


class PduError(ValueError):
    """The TE handed over something that is no SMS-SUBMIT."""


@dataclass(frozen=True)
class Submit:
    """What an SMS-SUBMIT says (23.040 9.2.2.2). part: (reference, parts, place) if there are."""

    to: str
    text: str
    part: tuple[int, int, int] | None
    report_wanted: bool = False


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
    data = bytearray(octets)
    first = 1 + octets[0]
    coding = first + 2 + 2 + (octets[first + 2] + 1) // 2 + 1 if len(octets) > first + 2 else 0
    wide = len(octets) > coding > 0 and octets[coding] in (UCS2, UCS2_FLASH)
    if wide:
        data[coding] = EIGHT_BIT
    try:
        message = gammu.DecodePDU(bytes(data), True)
    except gammu.GSMError as error:
        raise PduError("gammu cannot read it") from error
    header = message["UDH"]
    part = None
    if header["AllParts"] > 1:
        reference = max(header["ID8bit"], header["ID16bit"])
        part = (reference, header["AllParts"], header["PartNumber"])
    report_wanted = bool(octets[1 + octets[0]] & 0x20)
    said = message["Text"]
    text = said.decode("utf-16-be", "replace") if wide else said
    if not isinstance(text, str):
        raise PduError("not a text")
    return Submit(message["Number"], text.split("\0")[0], part, report_wanted)


def status_report_pdu(
    reference: int, to: str, sent: datetime, discharged: datetime, status: int = 0
) -> str:
    """A STATUS-REPORT with service centre, hex (23.040 9.2.2.3); gammu cannot write one."""
    centre = _semi_octets(SERVICE_CENTRE.lstrip("+"))
    head = bytes([len(centre) + 1, 0x91]) + centre + bytes([0x06, reference])
    digits = to.lstrip("+")
    address = bytes([len(digits), 0x91 if to.startswith("+") else 0x81]) + _semi_octets(digits)
    return (head + address + _stamp(sent) + _stamp(discharged) + bytes([status])).hex().upper()


def is_status_report(pdu: str) -> bool:
    """Whether the type of a PDU with service centre is that of a STATUS-REPORT."""
    first = 2 + 2 * int(pdu[:2], 16)
    return int(pdu[first : first + 2], 16) & 0x03 == 0x02


def _semi_octets(digits: str) -> bytes:
    """Digits in swapped pairs, an odd one filled up with F (23.040 9.1.2.3)."""
    even = digits + "F" * (len(digits) % 2)
    return bytes.fromhex("".join(even[at + 1] + even[at] for at in range(0, len(even), 2)))


def _stamp(when: datetime) -> bytes:
    """A time stamp (23.040 9.2.3.11)."""
    zone = _zone_octet(when.utcoffset() or timedelta())
    return _semi_octets(when.strftime("%y%m%d%H%M%S")) + bytes([zone])


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
        "Text": text if gsm else text.encode("utf-16-be"),
        "Coding": "Default_No_Compression" if gsm else "8bit",
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
    behind_address = first + 2 + 1 + (octets[first + 1] + 1) // 2
    octets[behind_address + 1] = 0 if gsm else UCS2
    zone = behind_address + 2 + 6
    octets[zone] = _zone_octet(sent.utcoffset() or timedelta())
    return bytes(octets).hex().upper()


def _zone_octet(offset: timedelta) -> int:
    """Quarters of an hour in swapped decimal, bit 3 for west of Greenwich (23.040 9.2.3.11)."""
    quarters = int(offset.total_seconds() // 900)
    tens, units = divmod(abs(quarters), 10)
    return units << 4 | tens | (0x08 if quarters < 0 else 0)
