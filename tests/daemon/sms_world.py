"""A world with a front desk of its own, which keeps what agents write and answers each text once.

A text "S10.08..." becomes an order of agent A1; whatever came is answered with what was read.
Everything is one transaction, as in the product. The postman and the carrier are the product's.
"""

import asyncio
import itertools
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from peewee import Database

from pulsarack.daemon.channels.postman import Postman
from pulsarack.daemon.channels.sms.carrier import SmsCarrier
from pulsarack.modems.simulator.rack import Rack as RackPlan
from pulsarack.modems.simulator.telephones import Telephones
from pulsarack.queue.post import inbound, outgoing
from pulsarack.queue.post.inbound import Letter
from pulsarack.queue.post.outgoing import Kind, Outgoing, Text
from tests.daemon.world import World

AGENT = "6281200000071"
ON = "[sms]\nreceives = true\nanswers = true\n"


class SmsWorld(World):
    """`before` and `after` are awaited around the transaction in which a text is kept."""

    runs_channels = False

    def __init__(self, directory: Path, plan: RackPlan, settings: str = ON, seed: int = 1) -> None:
        super().__init__(directory, plan, seed, settings)
        self.handed: Counter[str] = Counter()  # letters by id, each try
        self.before: Callable[[Letter], Any] = nothing
        self.after: Callable[[Letter], Any] = nothing
        self.carrier: SmsCarrier | None = None

    @property
    def telephones(self) -> Telephones:
        return self.simulation.telephones

    async def start(self) -> None:
        await super().start()
        daemon = self.daemon
        assert self.pressure is not None
        daemon.context.reception.open(self._receive, self.pressure)
        self.carrier = SmsCarrier(daemon.context, daemon.rack)
        self.postman = Postman(daemon.context, [self.carrier])
        daemon.tasks.append(asyncio.create_task(self.postman.run()))

    async def crash(self) -> None:
        self.daemon.context.reception.close()
        await super().crash()

    async def stop(self) -> None:
        self.daemon.context.reception.close()
        await super().stop()

    async def _receive(self, letter: Letter) -> None:
        self.handed[letter.message_id] += 1
        await self.before(letter)
        now_ms = self.daemon.context.clock.now_ms()

        def job(db: Database) -> None:
            added = inbound.add(
                db, letter, agent="A1", masked=letter.text, outcome="read", now_ms=now_ms
            )
            if added is not None:
                answer = Text(
                    channel="sms",
                    address=letter.sender,
                    kind=Kind.ANSWER,
                    text=f"read: {letter.text[:100]}",
                    agent="A1",
                    sender=letter.receiver,
                    inbound_id=added,
                )
                outgoing.put(db, answer, now_ms=now_ms)

        await self.daemon.context.store.write(job)
        self.postman.ring("sms")
        await self.after(letter)

    def letters(self) -> list[inbound.Inbound]:
        """What was kept, oldest first."""
        found = self.daemon.store.read_inline(lambda db: inbound.listed(db, limit=1000))
        return sorted(found, key=lambda one: one.id)

    def sent(self) -> list[Outgoing]:
        """What was to be sent, oldest first."""
        found = self.daemon.store.read_inline(
            lambda db: outgoing.listed(db, waiting=False, limit=1000)
        )
        return sorted(found, key=lambda one: one.id)

    def parts(self) -> list[dict[str, Any]]:
        """The parts that may have left."""
        names = ("chip", "outgoing_id", "address", "provider_id", "reference", "delivered")
        sql = f"SELECT {', '.join(names)} FROM sent_sms ORDER BY id"

        def rows(db: Database) -> list[dict[str, Any]]:
            return [dict(zip(names, row, strict=True)) for row in db.execute_sql(sql)]

        return self.daemon.store.read_inline(rows)

    def tell(
        self, text: str, *, to: str = AGENT, sender: str = "", kind: Kind = Kind.RESULT
    ) -> int:
        """Put a text into the outbox; its row's id."""
        now_ms = self.daemon.context.clock.now_ms()
        put = Text("sms", to, kind, text, "A1", sender, message_id=next(_MESSAGES))
        found = self.daemon.store.run_inline(lambda db: outgoing.put(db, put, now_ms=now_ms))
        assert found is not None
        self.postman.ring("sms")
        return found

    def heard(self) -> list[str]:
        """What agents' telephones got."""
        return [one.text for one in self.telephones.heard]

    async def until(self, true: Callable[[], Any], within_seconds: float = 600.0) -> None:
        """Let time pass until something holds."""
        until = self.clock.monotonic() + within_seconds
        while not true():
            assert self.clock.monotonic() < until
            await self.clock.sleep(0.5)

    def on_cards(self) -> int:
        """How many messages lie on all SIMs."""
        return sum(len(modem.card.messages) for modem in self.simulation.modems)


_MESSAGES = itertools.count(1_000_000)


async def nothing(letter: Letter) -> None:
    return
