"""The bytes of one line, both ways, as the lines of a trace (tests/traces/README.md).

What is sent becomes commands, and bodies of messages that are never shown. What comes
becomes lines, with a note whether an empty line stood before them, and prompts. Bytes
come in whatever pieces; what never ends is cut. Pure.
"""

from dataclasses import dataclass
from enum import Enum

from pulsarack.modems.transport import Direction

LINE_OCTETS_MAX = 4096
_CR, _CTRL_Z, _ESCAPE = 0x0D, 0x1A, 0x1B


class Way(Enum):
    """What a line of a trace is, by its sign there."""

    SENT = ">"
    RECEIVED = "<"
    RECEIVED_ON = "<|"
    PROMPT = "<>"


@dataclass(frozen=True, slots=True)
class TraceLine:
    """One line; a body is shown as ``<body>``."""

    way: Way
    text: str


class TraceLines:
    """Both directions of one conversation."""

    def __init__(self) -> None:
        self._sent = bytearray()
        self._received = bytearray()
        self._led = False

    def feed(self, direction: Direction, data: bytes) -> list[TraceLine]:
        """The lines that are complete now."""
        return self._out(data) if direction is Direction.SENT else self._in(data)

    def _out(self, data: bytes) -> list[TraceLine]:
        found = []
        for octet in data:
            if octet == _CTRL_Z:
                found.append(TraceLine(Way.SENT, "<body>"))
                self._sent.clear()
            elif octet == _CR or len(self._sent) >= LINE_OCTETS_MAX:
                if text := _text(self._sent):
                    found.append(TraceLine(Way.SENT, text))
                self._sent.clear()
            elif octet != _ESCAPE:
                self._sent.append(octet)
        return found

    def _in(self, data: bytes) -> list[TraceLine]:
        self._received += data
        *complete, rest = self._received.split(b"\n")
        found = []
        for piece in complete:
            text = _text(piece[:LINE_OCTETS_MAX])
            if text == ">":
                found.append(TraceLine(Way.PROMPT, ""))
                text = ""
            elif text:
                found.append(TraceLine(Way.RECEIVED if self._led else Way.RECEIVED_ON, text))
            self._led = not text
        if rest == b"> ":
            found.append(TraceLine(Way.PROMPT, ""))
            rest, self._led = bytearray(), False
        elif len(rest) > LINE_OCTETS_MAX:
            found.append(TraceLine(Way.RECEIVED_ON, _text(rest[:LINE_OCTETS_MAX])))
            rest = bytearray()
        self._received = bytearray(rest)
        return found


def _text(octets: bytes | bytearray) -> str:
    return octets.decode("latin-1").strip("\r\n \x00")
