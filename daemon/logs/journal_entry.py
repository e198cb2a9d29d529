"""An event as one entry of systemd's journal, in its native protocol: every field is indexed.

`journalctl -u pulsarack ORDER=12`, `CHIP=8962...`, `AGENT=kios1`, `EVENT=order.finished`: a field
of the log is the journal's field of the same name in capitals. Where the journal has a field of
that name itself, ours is called PULSARACK_ and the name. MESSAGE is the line for people.

The protocol is lines of `NAME=value`; a value with a line end in it is written as `NAME`, a line
end, its length as 64 bits little-endian, the value, a line end
(systemd.io/JOURNAL_NATIVE_PROTOCOL). Names are capitals, digits and underscores, at most 64, and
do not begin with an underscore: those the journal writes itself.
"""

import re
import struct
from collections.abc import Mapping
from functools import lru_cache

import msgspec

IDENTIFIER = "pulsarack"
NAME_LONGEST = 64
PREFIX = "PULSARACK_"
# systemd.journal-fields(7): what the journal and its tools give a meaning of their own.
_OWN = (
    "MESSAGE MESSAGE_ID PRIORITY CODE_FILE CODE_LINE CODE_FUNC ERRNO INVOCATION_ID"
    " USER_INVOCATION_ID SYSLOG_FACILITY SYSLOG_IDENTIFIER SYSLOG_PID SYSLOG_TIMESTAMP SYSLOG_RAW"
    " DOCUMENTATION TID UNIT USER_UNIT COREDUMP_UNIT COREDUMP_USER_UNIT OBJECT_PID"
    " KERNEL_DEVICE KERNEL_SUBSYSTEM LOG_FACILITY UDEV_SYSNAME UDEV_DEVNODE UDEV_DEVLINK"
)
JOURNALS_OWN = frozenset(_OWN.split())
_SCALARS = frozenset({str, int, float, bool})
_LENGTH = struct.Struct("<Q")
_FOREIGN = re.compile(r"[^A-Z0-9_]")
# The first is in PRIORITY; a trace stands below the line for people, once is enough.
_LEFT_OUT = frozenset({"level", "exception"})


@lru_cache(maxsize=512)
def field_name(key: str) -> str:
    """What the journal calls a field of the log."""
    name = _FOREIGN.sub("_", key.upper()).lstrip("_")
    if not name or name[0].isdigit() or name in JOURNALS_OWN:
        name = PREFIX + name
    return name[:NAME_LONGEST]


def entry(event: Mapping[str, object], priority: int, message: str) -> bytes:
    """The datagram of an event that holds no secret any more; fields without a value are none."""
    lines = [f"PRIORITY={priority}\nSYSLOG_IDENTIFIER={IDENTIFIER}\n"]
    broken = [("MESSAGE", message)] if "\n" in message else []
    if not broken:
        lines.append(f"MESSAGE={message}\n")
    for key, value in event.items():
        if value is None or key in _LEFT_OUT:
            continue
        kind = type(value)
        text = str(value) if kind in _SCALARS else _shown(value)
        if "\n" in text:
            broken.append((field_name(key), text))
        else:
            lines.append(f"{field_name(key)}={text}\n")
    return _octets("".join(lines)) + b"".join(_framed(*one) for one in broken)


def _framed(name: str, text: str) -> bytes:
    value = _octets(text)
    return b"%s\n%s%s\n" % (name.encode(), _LENGTH.pack(len(value)), value)


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")


def _shown(value: object) -> str:
    if isinstance(value, (dict, list)):
        try:
            return msgspec.json.encode(value, enc_hook=str).decode()
        except UnicodeEncodeError:
            return str(value)
    return str(value)
