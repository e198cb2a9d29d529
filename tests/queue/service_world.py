"""A small network that talks to the service: who asks, in which language, over which channel.

D1 is above A1, A1 above B1, B1 above C1; X1 is nobody's. Every answer is checked to be a wording
that is filled with what the command gave, never a stopgap.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from peewee import Database

from pulsarack.queue import agents, products
from pulsarack.queue.agents import Agent
from pulsarack.queue.deposits.tickets import TicketTerms
from pulsarack.queue.order_text import commands as said
from pulsarack.queue.order_text.commands import Command
from pulsarack.queue.products import Product
from pulsarack.queue.service import service
from pulsarack.queue.service.asked import Answer, Asked, Settings
from pulsarack.queue.wordings import template
from pulsarack.queue.wordings.shipped import shipped
from tests.queue.world import LIMIT_SECONDS, World, paid_in

JAKARTA = ZoneInfo("Asia/Jakarta")
DAY_MS = 86_400_000
NETWORK = (("D1", "Bos", None), ("A1", "Kios", "D1"), ("B1", "Sari", "A1"), ("C1", "Cici", "B1"))
DEPOSITS = {"D1": 1_000_000, "A1": 1_000_000, "B1": 50_000, "C1": 0, "X1": 1_000_000}


def local_day(at_ms: int) -> str:
    """The day in Jakarta."""
    return datetime.fromtimestamp(at_ms / 1000, tz=UTC).astimezone(JAKARTA).date().isoformat()


def bounds(day: str) -> tuple[int, int]:
    """Where it begins and ends."""
    begins = datetime.combine(date.fromisoformat(day), datetime.min.time(), tzinfo=JAKARTA)
    return round(begins.timestamp()) * 1000, round(begins.timestamp()) * 1000 + DAY_MS


SETTINGS = Settings(
    timezone=JAKARTA,
    day_bounds=bounds,
    time_limit_seconds=LIMIT_SECONDS,
    tickets=TicketTerms(DAY_MS, 3, 2, ("bca", "bri"), local_day),
    accounts={"bca": "BCA 123 a/n TOKO", "bri": "BRI 456 a/n TOKO"},
)


@dataclass(frozen=True)
class Said:
    """What was answered: the answers, and the text that goes out."""

    answers: tuple[Answer, ...]
    text: str

    @property
    def key(self) -> str:
        """The wording of the only answer."""
        (answer,) = self.answers
        return answer.key


class Talk:
    """A world with a network in it; each thing said is one transaction."""

    def __init__(self, world: World) -> None:
        self.world = world
        world.run(self._furnish)
        self._inbound = 0

    def _furnish(self, db: Database) -> None:
        for code, name, upline in (*NETWORK, ("X1", "Lain", None)):
            agents.add(db, code, name, now_ms=self.world.now, upline=upline)
            if DEPOSITS[code]:
                paid_in(db, code, DEPOSITS[code], now_ms=self.world.now)
        for code, operator, size in (("X10", "xl", 10), ("SP10", "telkomsel", 10)):
            products.put(
                db, Product(code, operator, code, size, 10_600, 10_200, None, int(code == "X10"))
            )

    def agent(self, code: str) -> Agent:
        """The agent as it is now."""
        found = self.world.run(lambda db: agents.find(db, code))
        assert found is not None
        return found

    def asked(self, agent: str, **more: Any) -> Asked:
        """How an agent asks, now."""
        self._inbound += 1
        known = Asked(
            agent=self.agent(agent),
            channel="sms",
            sender="6281200000077",
            address="6281200000077",
            receiver="8962100000000000001",
            text="the text",
            received_at=self.world.now,
            local_day=local_day(self.world.now),
            rng=random.Random(7),
            settings=SETTINGS,
            inbound_id=self._inbound,
        )
        return replace(known, **more)

    def say(self, *commands: Command, agent: str = "A1", **more: Any) -> Said:
        """Something is asked; the answer is checked."""
        asked = self.asked(agent, **more)

        def job(db: Database) -> Said:
            answers = service.answer_all(db, commands, asked)
            return Said(answers, service.words(db, answers, asked))

        found = self.world.run(job)
        for answer in found.answers:
            fills(answer.key, answer.variables)
        return found

    def try_(self, command: Command, agent: str = "A1") -> Said:
        """What would be answered; nothing is changed by it."""
        asked = self.asked(agent)

        def job(db: Database) -> Said:
            with db.atomic() as savepoint:
                answers = service.answer_all(db, (command,), asked)
                found = Said(answers, service.words(db, answers, asked))
                savepoint.rollback()
                return found

        return self.world.run(job)

    def speak(self, agent: str, language: str) -> None:
        """Talk to an agent in that language."""
        self.world.run(lambda db: agents.put_language(db, agent, language))

    def money(self) -> dict[str, int]:
        """What each agent can spend."""
        return {code: self.world.deposit(code).available for code in DEPOSITS}


def fills(key: str, variables: Mapping[str, Any]) -> None:
    """The shipped wording can be filled, in both languages."""
    for text in shipped().wordings[key].texts.values():
        template.fill(text, variables, None)


TO = "081200000012"
CONVERSATION: tuple[tuple[str, Command], ...] = (
    ("A1", said.RegisterDownline("Toko", "Bogor", "6281200000099", 100)),
    ("A1", said.TransferBalance("AG0001", 50_000)),
    ("A1", said.TransferBalance("AG0001", 50_000)),
    ("A1", said.PullBalance("AG0001", 5_000)),
    ("A1", said.SetMarkup(100)),
    ("A1", said.SetMarkup(None, "B1", "S10", 10_700)),
    ("A1", said.ShowMarkups()),
    ("B1", said.PlaceOrder(None, 10, TO)),
    ("B1", said.PlaceOrder("S10", None, TO)),
    ("B1", said.PlaceOrder("S5", None, TO)),
    ("B1", said.CancelOrder(TO)),
    ("B1", said.ShowOrder(TO)),
    ("B1", said.ShowOrder(TO, 15)),
    ("B1", said.ShowOrder("081200000019")),
    ("B1", said.LastOrders()),
    ("B1", said.Complain(TO, "belum masuk")),
    ("A1", said.ExchangeCommission()),
    ("A1", said.ShowBalance("B1")),
    ("A1", said.ShowBalance()),
    ("A1", said.ShowPrices("S")),
    ("A1", said.ShowPrices()),
    ("A1", said.ShowOutOfStock()),
    ("A1", said.AskTicket(500_000, "BCA")),
    ("A1", said.ShowStatement()),
    ("A1", said.ShowStatement(15)),
    ("A1", said.ShowRecap()),
    ("A1", said.ListDownlines()),
    ("A1", said.SetActive("B1", False)),
    ("A1", said.ChangeName("Kios Maju")),
    ("A1", said.AddSender("sms", "6281200000077")),
    ("A1", said.ListSenders()),
    ("A1", said.RemoveSender("sms", "6281200000077")),
    ("A1", said.SetReportUrl("https://example.org/")),
    ("A1", said.SetNetworkAddress("192.0.2.7")),
    ("A1", said.ChangeNetworkPassword(said.HiddenPin("old1"), said.HiddenPin("new1"))),
    ("A1", said.Help()),
)
"""Every command once, and most of what it may lead to."""
