"""An operator that says what a test wants, at the moment a test wants it.

Codes that a test says nothing about are answered by the simulated operator. What is
put on a SIM, or shown by itself, is there in the same instant: so a text can come while
a query is under way, and an answer a second time when the next order has been sent.
"""

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from pulsarack.daemon.events import Event
from pulsarack.modems.simulator.dealer import Dealer
from pulsarack.modems.simulator.operators.answer import Answer, ScreenStatus, tell
from pulsarack.modems.simulator.operators.exchange import local_time
from pulsarack.modems.simulator.pdu import deliver_pdus
from tests.daemon.world import World

Say = Callable[[Dealer, str], Answer]
TOP_UP, STOCK, HISTORY = "*777*", "*776*", "*774*"
SENDER = "M-KIOS"
SILENCE = Answer()


class Scripted:
    """The operator of a world's first modem, under a test's hand; the codes are M-KIOS's."""

    def __init__(
        self, world: World, patch: pytest.MonkeyPatch, operator_name: str = "telkomsel"
    ) -> None:
        self.asked: list[str] = []
        self._world = world
        self._says: dict[str, list[Say]] = {}
        self._references = itertools.count(1)
        operator = world.simulation.operators[operator_name]
        self._true = operator.dial
        patch.setattr(operator, "dial", self._dial)

    def next(self, code: str, *says: Say) -> None:
        """Answer the next dialling of a code so; several: one after the other."""
        self._says.setdefault(code, []).extend(says)

    def always(self, code: str, say: Say) -> None:
        """Answer every dialling of a code so."""
        self._says[code] = [say] * 1000

    def truly(self, code: str) -> None:
        """Answer as the simulated operator does, from now on."""
        self._says.pop(code, None)

    def true(self, dealer: Dealer, code: str) -> Answer:
        """The simulated operator's own answer; what it books is booked."""
        return self._true(dealer, code)

    def times(self, code: str) -> int:
        """How often a code was dialled."""
        return sum(dialled.startswith(code) for dialled in self.asked)

    def text(self, words: str, sender: str = SENDER, *, took_seconds: float = 0.0) -> None:
        """A text is on the SIM, now; the service centre had it so long."""
        modem = self._world.simulation.modems[0]
        when = local_time(self._world.clock.now_ms() / 1000 - took_seconds)
        for pdu in deliver_pdus(sender, words, when, next(self._references)):
            assert modem.message_arrived(pdu)

    def show(self, words: str) -> None:
        """A screen comes by itself, now."""
        modem = self._world.simulation.modems[0]
        modem.ussd.arrived(-1, ScreenStatus.NO_FURTHER_ACTION, words)

    def _dial(self, dealer: Dealer, code: str) -> Answer:
        self.asked.append(code)
        waiting = next((says for start, says in self._says.items() if code.startswith(start)), [])
        return waiting.pop(0)(dealer, code) if waiting else self._true(dealer, code)


def said(words: str) -> Say:
    """A last screen."""
    return lambda dealer, code: tell(words)


def stock_of(rupiah: int) -> Say:
    """The answer of a stock query."""
    return said(f"Sisa stok Anda Rp {rupiah} per 22/11/2026 14:05")


def silence(dealer: Dealer, code: str) -> Answer:
    """Nothing comes, and nothing was done."""
    return SILENCE


class Followed:
    """The events of a world from now on."""

    def __init__(self, world: World, patch: pytest.MonkeyPatch) -> None:
        self.seen: list[Event] = []
        events = world.daemon.context.events
        publish = events.publish

        def note(kind: str, **fields: Any) -> None:
            self.seen.append({"kind": kind, **fields})
            publish(kind, **fields)

        patch.setattr(events, "publish", note)

    def states_of(self, order_id: int) -> list[str]:
        return [
            event["state"]
            for event in self.seen
            if event["kind"] == "order" and event["id"] == order_id
        ]

    def modem_states(self) -> list[str]:
        return [event["state"] for event in self.seen if event["kind"] == "modem"]


def sms(world: World) -> list[dict[str, Any]]:
    """The stored texts and what they were taken for."""

    def rows(db: Any) -> list[dict[str, Any]]:
        found = db.execute_sql("SELECT text, meaning, attempt_id FROM sms ORDER BY id")
        return [dict(zip(("text", "meaning", "attempt_id"), row, strict=True)) for row in found]

    return world.daemon.store.read_inline(rows)
