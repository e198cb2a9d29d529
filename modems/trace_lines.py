"""The bytes of one line, both ways, as the lines of a trace (tests/traces/README.md).

What is sent becomes commands, and bodies of messages that are never shown. What comes
becomes lines, with a note whether an empty line stood before them, and prompts. Bytes
come in whatever pieces. A line that is too long is left out whole, since a secret that is cut in
two can be masked in neither part. Pure.
"""

from dataclasses import dataclass
from enum import Enum

from pulsarack.modems.transport import Direction

LINE_OCTETS_MAX = 4096
TOO_LONG = "<a line too long to show>"
_CR, _CTRL_Z, _ESCAPE = 0x0D, 0x1A, 0x1B


class Way(Enum):
    """What a line of a trace is, by its sign there."""

    SENT = ">"
    RECEIVED = "<"
    RECEIVED_ON = "<|"
    PROMPT = "<>"


@dataclass(frozen=True, slots=True)
class TraceLine:
    """One line; a body is shown as ``<body>``, one that never ends as TOO_LONG."""

    way: Way
    text: str


class TraceLines:
    """Both directions of one conversation."""

    def __init__(self) -> None:
        self._sent = bytearray()
        self._received = bytearray()
        self._led = False
        # The rest of a line that was too long is not shown either.
        self._skips_sent = self._skips_received = False

    def feed(self, direction: Direction, data: bytes) -> list[TraceLine]:
        """The lines that are complete now."""
        return self._out(data) if direction is Direction.SENT else self._in(data)

    def _out(self, data: bytes) -> list[TraceLine]:
        found = []
        for octet in data:
            if octet in (_CTRL_Z, _CR):
                text = "<body>" if octet == _CTRL_Z else _text(self._sent)
                if text and not self._skips_sent:
                    found.append(TraceLine(Way.SENT, text))
                self._sent.clear()
                self._skips_sent = False
            elif len(self._sent) >= LINE_OCTETS_MAX:
                found.append(TraceLine(Way.SENT, TOO_LONG))
                self._sent.clear()
                self._skips_sent = True
            elif octet != _ESCAPE and not self._skips_sent:
                self._sent.append(octet)
        return found

    def _in(self, data: bytes) -> list[TraceLine]:
        self._received += data
        *complete, rest = self._received.split(b"\n")
        found = []
        if self._skips_received and complete:
            del complete[0]
            self._skips_received, self._led = False, False
        for piece in complete:
            # One that came in one piece with its end may be as long, too.
            text = _text(piece) if len(piece) <= LINE_OCTETS_MAX else TOO_LONG
            if text == ">":
                found.append(TraceLine(Way.PROMPT, ""))
                text = ""
            elif text:
                found.append(TraceLine(Way.RECEIVED if self._led else Way.RECEIVED_ON, text))
            self._led = not text
        if rest == b"> ":
            found.append(TraceLine(Way.PROMPT, ""))
            rest, self._led = bytearray(), False
        elif self._skips_received:
            rest = bytearray()
        elif len(rest) > LINE_OCTETS_MAX:
            found.append(TraceLine(Way.RECEIVED_ON, TOO_LONG))
            rest, self._skips_received = bytearray(), True
        self._received = bytearray(rest)
        return found


def _text(octets: bytes | bytearray) -> str:
    return octets.decode("latin-1").strip("\r\n \x00")
