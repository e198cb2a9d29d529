"""The AT machine in each of its states, fed with what a modem may say.

The first byte of an input chooses the state; the rest arrives on the port. All events,
including those of the deadline that comes at last, are the outcome, so that two ways of
delivering the same bytes can be compared.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace

from pulsarack.modems.at.events import AtCommand, Discarded, Event
from pulsarack.modems.at.machine import (
    RESPONSE_OCTETS_MAX,
    AtMachine,
    State,
)

# A line, a result of several lines and a whole response, each at its bound.
BUFFERED_MAX = RESPONSE_OCTETS_MAX + 4096 + 2 * 4096 + 4096


def _lost(machine: AtMachine) -> None:
    assert machine.state is State.LOST


def _probing(machine: AtMachine) -> None:
    machine.probe(5.0)


def _idle(machine: AtMachine) -> None:
    machine.probe(5.0)
    machine.feed(b"\r\nOK\r\n", 0.0)


def _asking(machine: AtMachine) -> None:
    _idle(machine)
    machine.send(AtCommand("AT+CREG?", expects=("+CREG:",)), 5.0)


def _unlocking(machine: AtMachine) -> None:
    _idle(machine)
    machine.send(AtCommand("AT+CPIN?", expects=("+CPIN:",), final_prefixes=("+CPIN:",)), 5.0)


def _dialling(machine: AtMachine) -> None:
    _idle(machine)
    machine.send(AtCommand('AT+CUSD=1,"*123#",15'), 5.0)


def _calling(machine: AtMachine) -> None:
    _idle(machine)
    machine.send(AtCommand("ATD*99#;"), 5.0)


def _prompted(machine: AtMachine) -> None:
    _idle(machine)
    machine.send(AtCommand("AT+CMGS=18", expects=("+CMGS:",), prompted=True), 5.0)


def _sent(machine: AtMachine) -> None:
    _prompted(machine)
    machine.feed(b"\r\n> ", 0.0)
    machine.send_body("0011000381", 5.0)


BEGINNINGS: tuple[Callable[[AtMachine], None], ...] = (
    _lost,
    _probing,
    _idle,
    _asking,
    _unlocking,
    _dialling,
    _calling,
    _prompted,
    _sent,
)


def machine_for(data: bytes) -> AtMachine:
    """A machine in the state that the input's first byte names."""
    machine = AtMachine()
    BEGINNINGS[data[0] % len(BEGINNINGS) if data else 0](machine)
    return machine


def events_of(data: bytes, pieces: Iterable[bytes]) -> list[Event]:
    """Everything that comes of the pieces, the deadline included."""
    machine = machine_for(data)
    events: list[Event] = []
    for piece in pieces:
        events += machine.feed(piece, 0.0)
        assert machine.buffered_octets <= BUFFERED_MAX
    events += machine.expire(2.0)
    events += machine.expire(5.0)
    return [_comparable(event) for event in events]


def _comparable(event: Event) -> Event:
    # How much of a line without end had come when it was given up depends on the pieces.
    return replace(event, octets=0) if isinstance(event, Discarded) else event
