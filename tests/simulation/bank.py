"""A bank where agents pay in while orders run, and the people at the server who look into it.

Each payment has a ticket; some are paid as they should be, some twice, some with a wrong amount,
and some money leaves. After each the teller imports a statement: whole days from some day on, the
last as far as it has got, again and again until the daemon answers. Two admins raise deposits
and take back from them, too. The bank's own book says what should have come of it all.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from pulsarack.daemon.control_protocol import CallError, Peer
from tests.daemon.world import OTHER_ADMIN, PEER
from tests.simulation.world import World

KINDS = ("paid", "paid", "paid twice", "wrong amount", "money left", "raised", "taken back")
MOST = 5


@dataclass(frozen=True)
class Payment:
    """One payment, or what two admins do, at its time in seconds; `amount` is asked once."""

    at: float
    agent: str
    kind: str
    amount: int


def draw(seed: int, agents: Sequence[str], seconds: float) -> tuple[Payment, ...]:
    """The payments of a seed."""
    rng = Random(f"bank/{seed}")
    return tuple(
        Payment(rng.uniform(0, seconds), rng.choice(agents), rng.choice(KINDS), 10_000 * number)
        for number in range(1, 1 + rng.randrange(MOST + 1))
    )


class Bank:
    """The bank, and who deals with it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._books = world.auditor.bank
        self._rng = Random(f"teller/{world.plan.seed}")
        self._rows: list[tuple[str, int, str]] = []

    def payments(self) -> tuple[Payment, ...]:
        """What is to come."""
        return draw(self._world.plan.seed, self._world.plan.agents, self._world.plan.seconds)

    async def act(self, payment: Payment) -> None:
        """One payment at its time, and the statement after it."""
        await asyncio.sleep(payment.at)
        self._world.trace("bank", payment.kind, payment)
        if payment.kind in ("raised", "taken back"):
            await self._two_admins(payment)
            return
        asked = {"agent": payment.agent, "amount": payment.amount}
        try:
            ticket = await self._world.insist("ticket.new", **asked)
        except CallError:
            return  # an agent that is turned off gets none
        amount = int(ticket["amount"])
        if payment.kind == "wrong amount":
            amount = payment.amount
        elif payment.kind == "money left":
            amount = -amount
        pays = payment.agent if amount == ticket["amount"] else None
        row = (str(ticket["first_day"]), amount, f"payment {payment.amount}")
        times = 2 if payment.kind == "paid twice" else 1
        self._rows += [row] * times
        self._books.paid(row, times, pays)
        await self._import()

    async def pay_by_ticket(self, agent: str, ticket: int, amount: int, name: int) -> None:
        """Pay what a ticket says that came in a text."""
        found = self._world.auditor.history(f"SELECT first_day FROM ticket WHERE id = {ticket}")
        if not found:
            self._world.auditor.find("P1", f"ticket {ticket} of {agent} is not there")
            return
        row = (str(found[0][0]), amount, f"payment by text {name}")
        self._rows.append(row)
        self._books.paid(row, 1, agent)
        await self._import()

    async def _import(self) -> None:
        first = self._rng.choice(sorted({day for day, _, _ in self._rows}))
        first = min(first, self._rows[-1][0])
        rows = [
            {"day": day, "amount": amount, "description": description}
            for day, amount, description in self._rows
            if day >= first
        ]
        if self._rng.random() < 0.5:
            rows.reverse()
        await self._world.insist("bank.import", bank="bank", rows=rows)

    async def _two_admins(self, payment: Payment) -> None:
        back = payment.kind == "taken back"
        key = f"bank{payment.amount}"
        self._books.proposed(payment.agent, key, -payment.amount if back else payment.amount)
        said = {"code": payment.agent, "amount": payment.amount, "take_back": back}
        request = await self._world.insist(
            "agent.credit", id=key, because="a round figure", who="boss", **said
        )
        if await self._confirm(PEER, request["id"]):
            self._books.find("P3", f"one admin alone decided proposal {request['id']}")
        await self._confirm(OTHER_ADMIN, request["id"])

    async def _confirm(self, peer: Peer, request_id: int) -> bool:
        try:
            await self._world.insist("credit.confirm", peer, id=request_id, who="boss")
        except CallError:
            return False  # it is his own; it is done; or there is not so much to take back
        return True
