"""One recorded reply, put through the AT machine: whole and byte by byte.

A reply whose outer line ends were lost gets them back, and a reply without a final result
gets an OK, so that the machine hands out the lines. What the machine makes of it may not
depend on how the bytes came.
"""

import re
from dataclasses import dataclass
from typing import Any

from pulsarack.modems.at.events import (
    AtCommand,
    Event,
    PromptSeen,
    Response,
    Stray,
    Unsolicited,
    question,
)
from pulsarack.modems.at.machine import AtMachine, State
from pulsarack.modems.at.results import Final

Row = dict[str, Any]

SECONDS = 900.0
_CALL_RESULTS = frozenset({"NO CARRIER", "NO ANSWER", "NO DIALTONE", "BUSY", "CONNECT"})
# What was asked where the record does not say it.
_ASKED = {"cmgr": "AT+CMGR=1", "cnum": "AT+CNUM"}
_PLAIN_COMMAND = re.compile(r"AT[\x21-\x7e]*", re.IGNORECASE)


@dataclass(frozen=True)
class Taken:
    """What the machine said: lines and end of the response, notices, and the rest."""

    lines: tuple[str, ...] = ()
    final: Final | None = None
    notices: tuple[str, ...] = ()
    strays: tuple[str, ...] = ()
    late: tuple[Final, ...] = ()
    prompted: bool = False

    @property
    def end(self) -> Final | None:
        """The result that ended the command, or that came with none in flight."""
        return self.final if self.final is not None else next(iter(self.late), None)

    @property
    def said(self) -> tuple[str, ...]:
        """All lines, whether they were asked for or not."""
        return (*self.lines, *self.notices, *self.strays)


class Differs(Exception):
    """The bytes mean something else when they come one by one."""


def take(row: Row) -> Taken:
    """Put a recorded reply through the machine; Differs."""
    command, numeric = _command(row), "numeric" in row["parsed"]
    whole = _feed(row, command, numeric, bytewise=False)
    if whole != _feed(row, command, numeric, bytewise=True):
        raise Differs
    return whole


def take_in_between(row: Row) -> Taken:
    """The same while another command waits for its answer."""
    return _feed(row, AtCommand("AT+CSQ", expects=("+CSQ:",)), numeric=False, bytewise=False)


def _command(row: Row) -> AtCommand | None:
    parsed, asked = row["parsed"], row["command"]
    kind = parsed["type"]
    if kind == "stream":
        asked = row["raw"].partition("\r")[0]  # its first line is the echo
    if parsed.get("unsolicited") or (asked is None and kind not in _ASKED):
        return None
    if parsed.get("final") in _CALL_RESULTS or kind == "echo":
        return AtCommand("ATD*99#")
    asked = asked if asked is not None else _ASKED[kind]
    match = _PLAIN_COMMAND.match(asked)
    command = question(match.group() if match else "AT+TEST")
    if parsed.get("final", "") is None:
        command = command._replace(final_prefixes=command.expects)
    prompted = kind == "prompt" or (kind == "cmgs" and parsed.get("prompt", False))
    return command._replace(prompted=prompted)


def _feed(row: Row, command: AtCommand | None, numeric: bool, bytewise: bool) -> Taken:
    machine = AtMachine()
    machine.probe(1.0)
    if not numeric:
        machine.feed(b"OK\r\n", 0.0)
        if command is not None:
            machine.send(command, SECONDS)
    data = row["raw"].encode("latin-1")
    pieces = [data[at : at + 1] for at in range(len(data))] if bytewise else [data]
    events = [event for piece in pieces for event in machine.feed(piece, 0.0)]
    prompted = any(isinstance(event, PromptSeen) for event in events)
    if not (prompted and machine.state is State.BODY):
        # The end of a capture ends its last line as well.
        events += machine.feed(b"\r\n", 0.0) + machine.expire(SECONDS / 2)
    if command is not None and machine.state is State.RESULT:
        events += machine.feed(b"OK\r\n", 0.0)
    return _sort(events, prompted)


def _sort(events: list[Event], prompted: bool) -> Taken:
    responses = [event for event in events if isinstance(event, Response)]
    strays = [event for event in events if isinstance(event, Stray)]
    return Taken(
        lines=responses[0].lines if responses else (),
        final=responses[0].final if responses else None,
        notices=tuple(event.line for event in events if isinstance(event, Unsolicited)),
        strays=tuple(event.line for event in strays if event.final is None),
        late=tuple(event.final for event in strays if event.final is not None),
        prompted=prompted,
    )
