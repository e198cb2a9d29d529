"""Secrets out of the lines of a trace, in every spelling in which modems carry them.

A PIN may stand there as it is (``AT+CPIN``, ``*776*1234#``), spelt in UCS2 or packed in
seven bits within a USSD request and its echo, or in the text of a message's PDU. So what
is hexadecimal is read in each of these ways, and is masked whole if any reading holds a
secret. A PDU that cannot be read is masked, too: nobody knows what is in it.
"""

import re
from collections.abc import Callable

from pulsarack.daemon.secrets import MASK
from pulsarack.modems import tpdu
from pulsarack.modems.at import gsm7

# AT+CPIN="1234", AT+CPWD="SC","1","2", AT+CLCK="SC",1,"1234", and their echoes.
_LOCKS = re.compile(r"(?i)([+^*]\s*C(?:PIN2?|PWD|LCK)\s*=\s*)(?!\?)[^;]*")
_HEX = re.compile(r"(?<![0-9A-Fa-f])(?:[0-9A-Fa-f]{2}){4,}(?![0-9A-Fa-f])")
# No message is shorter (23.040 9.2.2.1), and no number that stands by itself as long.
_PDU_DIGITS = 28

Masked = Callable[[str], str]
"""A text with its secrets masked, as `daemon/log.py` does it."""


def mask_line(line: str, masked: Masked) -> str:
    """The line as it may be shown and saved."""
    line = _LOCKS.sub(rf"\g<1>{MASK}", line)
    if "+CUSD" in line.upper():
        line = _HEX.sub(lambda found: _hex(found[0], masked), line)
    else:
        line = _HEX.sub(lambda found: _hex_or_pdu(found[0], masked), line)
    return masked(line)


def _hex_or_pdu(digits: str, masked: Masked) -> str:
    """A message stands alone on its line, or behind the prompt as its echo."""
    if len(digits) < _PDU_DIGITS:
        return _hex(digits, masked)
    return digits if _pdu_is_clean(digits, masked) else f"<pdu {MASK}>"


def _hex(digits: str, masked: Masked) -> str:
    octets = bytes.fromhex(digits)
    readings = (
        octets.decode("utf-16-be", "replace"),
        gsm7.unpack_ussd(octets),
        octets.decode("latin-1"),
    )
    return digits if all(masked(one) == one for one in readings) else MASK


def _pdu_is_clean(digits: str, masked: Masked) -> bool:
    """A text of several parts may hold half a secret in each: only a whole one is shown."""
    read = tpdu.read_pdu(digits)
    if isinstance(read, tpdu.Unreadable):
        read = tpdu.read_pdu(digits, tpdu.Kind.SUBMIT)
    if isinstance(read, tpdu.StatusReport):
        return True
    if isinstance(read, tpdu.Unreadable) or read.user_data.concatenation is not None:
        return False
    text = read.user_data.text
    return text is not None and masked(text) == text
