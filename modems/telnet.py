"""Telnet as RFC 2217 needs it, without I/O: bytes in, bytes of the line and replies out.

We offer to control the line (COM-PORT-OPTION) and ask for eight clean bits both ways (BINARY,
RFC 856) and no go-ahead (RFC 858). Everything else that the server offers or asks is declined.
When it has agreed to be controlled it is told the speed, 8N1, no flow control, and to raise
DTR and RTS. An answer is given only where something changes, so that two polite programs do
not thank each other for ever (RFC 854); what a subnegotiation says is not needed and dropped.
"""

import struct
from dataclasses import dataclass, field

IAC, DONT, DO, WONT, WILL, SB, SE = 255, 254, 253, 252, 251, 250, 240
BINARY, SUPPRESS_GO_AHEAD, COM_PORT = 0, 3, 44
ECHO = 1

_OURS = (BINARY, SUPPRESS_GO_AHEAD, COM_PORT)
_THEIRS = (BINARY, SUPPRESS_GO_AHEAD, ECHO)
SET_BAUDRATE, SET_DATASIZE, SET_PARITY, SET_STOPSIZE, SET_CONTROL = 1, 2, 3, 4, 5
_PARITY_NONE, _STOP_ONE, _NO_FLOW_CONTROL, _DTR_ON, _RTS_ON = 1, 1, 1, 8, 11


def escape(data: bytes) -> bytes:
    """Bytes of the line as they go over telnet."""
    return data.replace(b"\xff", b"\xff\xff")


@dataclass(slots=True)
class Telnet:
    """One connection, from our side. ``controls``: None until the server has answered."""

    baud: int
    controls: bool | None = None
    _ours: set[int] = field(default_factory=set)
    _theirs: set[int] = field(default_factory=set)
    _asked: set[tuple[int, int]] = field(default_factory=set)
    _command: int | None = None  # IAC, or the verb whose option comes next
    _in_subnegotiation: bool = False

    def hello(self) -> bytes:
        """What is said first."""
        asked = [(WILL, option) for option in _OURS] + [(DO, option) for option in _THEIRS]
        self._asked = set(asked)
        return b"".join(bytes((IAC, verb, option)) for verb, option in asked)

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """Bytes that came; what of them is of the line, and what is to be replied."""
        if self._command is None and not self._in_subnegotiation and IAC not in data:
            return data, b""
        line, reply = bytearray(), bytearray()
        for octet in data:
            if self._command is not None:
                line += self._after_iac(octet, reply)
            elif octet == IAC:
                self._command = IAC
            elif not self._in_subnegotiation:
                line.append(octet)
        return bytes(line), bytes(reply)

    def _after_iac(self, octet: int, reply: bytearray) -> bytes:
        command, self._command = self._command, None
        if command != IAC:
            assert command is not None
            reply += self._negotiate(command, octet)
        elif octet in (DO, DONT, WILL, WONT):
            self._command = octet
        elif octet == IAC:
            return b"" if self._in_subnegotiation else b"\xff"
        elif octet in (SB, SE):
            self._in_subnegotiation = octet == SB
        return b""

    def _negotiate(self, verb: int, option: int) -> bytes:
        """RFC 1143 in short: `verb` asks for a state or agrees to one."""
        about_us = verb in (DO, DONT)
        on = verb in (DO, WILL)
        state, known = (self._ours, _OURS) if about_us else (self._theirs, _THEIRS)
        yes, no = (WILL, WONT) if about_us else (DO, DONT)
        asked = (yes, option) in self._asked
        self._asked.discard((yes, option))
        reply = b""
        if on and option in known and option not in state:
            state.add(option)
            reply = b"" if asked else bytes((IAC, yes, option))
        elif on and option not in known:
            reply = bytes((IAC, no, option))
        elif not on and option in state:
            state.discard(option)
            reply = bytes((IAC, no, option))
        if about_us and option == COM_PORT:
            began, self.controls = self.controls is not True, on
            if on and began:
                reply += self._settings()
        return reply

    def _settings(self) -> bytes:
        values = (
            (SET_BAUDRATE, struct.pack(">I", self.baud)),
            (SET_DATASIZE, b"\x08"),
            (SET_PARITY, bytes((_PARITY_NONE,))),
            (SET_STOPSIZE, bytes((_STOP_ONE,))),
            (SET_CONTROL, bytes((_NO_FLOW_CONTROL,))),
            (SET_CONTROL, bytes((_DTR_ON,))),
            (SET_CONTROL, bytes((_RTS_ON,))),
        )
        return b"".join(
            bytes((IAC, SB, COM_PORT, what)) + escape(value) + bytes((IAC, SE))
            for what, value in values
        )
