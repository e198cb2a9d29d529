"""Where a daemon can be hit, and how its moment is recognised from outside.

The rack and the agents tell the aim in force what they see: bytes that reach a modem or
leave it, entries in the operators' books, answers and messages. An aim fires at its
moment, inside that very call: what was to follow has not happened yet. Where it fires in
the middle of bytes that the daemon has written, it hands the modem only what came before,
as if the rest had been lost on the cable with the power.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Any

from pulsarack.modems.simulator.ussd_text import from_packed_hex, from_ucs2_hex

_DIALLED = re.compile(rb'AT\+CUSD=1,"([^"\r]+)"[^\r]*\r')
_CTRL_Z = b"\x1a"


class Kind(StrEnum):
    """What the daemon is doing when it is killed."""

    RANDOM = "at a random moment"
    COMMIT = "inside a commit"
    PROMPT = "between the prompt and Ctrl-Z"
    COMMAND = "in the middle of the USSD line of no return"
    BOOKED = "between the operator's booking and the answer"
    ANSWER = "between accepting an order and saying so"
    MESSAGE = "between a message and its acknowledgement"
    STARTUP = "while it starts and recovers"


@dataclass(frozen=True, slots=True)
class Shot:
    """One kill: when so many orders are accepted; a start is hit whenever it comes."""

    kind: Kind
    accepted: int


def draw(rng: Random, kills: int, orders: int) -> list[Shot]:
    """So many kills, every kind as often as any other; needs one kill a kind at least.

    A start comes after a kill, so the first shot is never at one.
    """
    if kills < len(Kind):
        raise ValueError(f"{len(Kind)} kinds of kill need at least {len(Kind)} kills")
    kinds = [list(Kind)[place % len(Kind)] for place in range(kills)]
    rng.shuffle(kinds)
    if kinds[0] is Kind.STARTUP:
        other = next(place for place, kind in enumerate(kinds) if kind is not Kind.STARTUP)
        kinds[0], kinds[other] = kinds[other], kinds[0]
    # The last fifth is left to come to rest.
    places = sorted(rng.randint(1, max(1, orders * 4 // 5)) for _ in kinds)
    return [Shot(kind, place) for kind, place in zip(kinds, places, strict=True)]


@dataclass(frozen=True, slots=True)
class Gun:
    """Kills the daemon, once; `rng` for what an aim leaves open."""

    fire: Callable[[], None]
    rng: Random


class Aim:
    """Sees everything and does nothing."""

    def heard(self, place: int, pin: str, data: bytes) -> bytes:
        """Bytes have come to the modem at this place; what of them reaches it."""
        return data

    def said(self, place: int, data: bytes) -> None:
        """A modem's bytes are on their way to the daemon."""

    def booked(self, entry: Mapping[str, Any]) -> None:
        """An operator has made an entry; its answer has not left yet."""

    def answered(self) -> bool:
        """The daemon has answered order.new; whether that answer gets lost."""
        return False

    def told(self) -> bool:
        """A message has come; whether its agent goes down before he has taken it in."""
        return False


class AtPrompt(Aim):
    """A modem has asked for the message: at once, or when the message has come in part."""

    def __init__(self, gun: Gun) -> None:
        self._gun = gun
        self._at_once = gun.rng.random() < 0.5
        self._prompted: set[int] = set()
        self._fired = False

    def said(self, place: int, data: bytes) -> None:
        """Watch for the prompt (27.005 4.3)."""
        if self._fired or not data.endswith(b"> "):
            return
        self._prompted.add(place)
        if self._at_once:
            self._fire()

    def heard(self, place: int, pin: str, data: bytes) -> bytes:
        """Watch for the message: no Ctrl-Z gets through."""
        if self._fired or place not in self._prompted:
            return data
        self._prompted.discard(place)
        if _CTRL_Z not in data or (end := data.index(_CTRL_Z)) == 0:
            return data
        self._fire()
        return data[: self._gun.rng.randint(1, end)]

    def _fire(self) -> None:
        self._fired = True
        self._gun.fire()


class InCommand(Aim):
    """A USSD line that may move money is on the cable, in part or all but for its end."""

    def __init__(self, gun: Gun) -> None:
        self._gun = gun
        self._fired = False

    def heard(self, place: int, pin: str, data: bytes) -> bytes:
        """Cut the first such line."""
        line = None if self._fired else _DIALLED.search(data)
        if line is None or not moves_money(line[1], pin):
            return data
        self._fired = True
        self._gun.fire()
        return data[: self._gun.rng.choice((line.end() - 1, self._inside(line)))]

    def _inside(self, line: re.Match[bytes]) -> int:
        return self._gun.rng.randrange(line.start() + 1, line.end())


class WhenBooked(Aim):
    """An operator has delivered and nobody knows it yet."""

    def __init__(self, gun: Gun) -> None:
        self._gun = gun

    def booked(self, entry: Mapping[str, Any]) -> None:
        """Watch for a delivery."""
        if entry["kind"] == "top_up" and entry["delivered"]:
            self._gun.fire()


class WhenAnswered(Aim):
    """The daemon has accepted an order; its agent never learns so."""

    def __init__(self, gun: Gun) -> None:
        self._gun = gun
        self._fired = False

    def answered(self) -> bool:
        """Lose the first answer."""
        lost, self._fired = not self._fired, True
        if lost:
            self._gun.fire()
        return lost


class WhenTold(Aim):
    """A message has come as far as its agent, who never reads it."""

    def __init__(self, gun: Gun) -> None:
        self._gun = gun
        self._fired = False

    def told(self) -> bool:
        """Lose the first message."""
        lost, self._fired = not self._fired, True
        if lost:
            self._gun.fire()
        return lost


class FirstBytes(Aim):
    """A new daemon writes its first bytes to a modem."""

    def __init__(self, gun: Gun) -> None:
        self._gun = gun

    def heard(self, place: int, pin: str, data: bytes) -> bytes:
        """Any bytes."""
        self._gun.fire()
        return data


AIMS: Mapping[Kind, Callable[[Gun], Aim]] = {
    Kind.PROMPT: AtPrompt,
    Kind.COMMAND: InCommand,
    Kind.BOOKED: WhenBooked,
    Kind.ANSWER: WhenAnswered,
    Kind.MESSAGE: WhenTold,
}


def moves_money(written: bytes, pin: str) -> bool:
    """Whether a USSD string as it stands in the command line is a point of no return.

    By the rack's operators: *777*...*PIN# of one, the PIN alone at the end of the others'
    menus. Modems want it plain, as packed septets or as UCS2.
    """
    spelt = written.decode("ascii", "replace")
    readings = (spelt, from_packed_hex(spelt), from_ucs2_hex(spelt))
    return any(text == pin or (text or "").startswith("*777*") for text in readings)
