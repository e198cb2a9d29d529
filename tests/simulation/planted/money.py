"""Bugs of money that comes in: whose a payment is, and who may say so."""

from contextlib import ExitStack
from typing import Any

from peewee import Database

from pulsarack.daemon.admins import witness
from pulsarack.queue import admin_acts
from pulsarack.queue.admin_acts import Act
from pulsarack.queue.deposits import credits, tickets
from pulsarack.queue.rows import columns, select_one
from pulsarack.queue.validation import Refusal
from tests.simulation.planted.plants import bug, put


@bug("A payment counts for a ticket though it is not its amount to the last rupiah.", "P3")
def payment_about_right(patches: ExitStack) -> None:
    def of_payment(db: Database, bank: str, amount: int, day: str) -> Any:
        sql = f"SELECT {columns(tickets.Ticket)} FROM ticket WHERE asked = ? AND state = 'OPEN'"
        return old(db, bank, amount, day) or select_one(db, tickets.Ticket, sql, (amount,))

    old = put(patches, tickets, "of_payment", of_payment)


@bug("Two admins are told apart by anything but the user that the kernel names.", "P3")
def one_admin_confirms_himself(patches: ExitStack) -> None:
    def confirm(db: Database, request_id: int, *, uid: int, **said: Any) -> Any:
        return old(db, request_id, uid=uid + 7, **said)

    old = put(patches, credits, "confirm", confirm)


@bug("What admins do is recorded ten acts at a time, and not with each of them.", "P3")
def recorded_in_tens(patches: ExitStack) -> None:
    gathered: list[Act] = []

    async def write(how: Any, job: Any) -> Any:
        pending = witness.ACT.get()
        if pending is None or pending.done:
            return await how(job)

        def both(db: Database) -> Any:
            answer = job(db)
            for act in gathered if len(gathered) >= 10 else ():
                admin_acts.note(db, act)
            return answer

        answer = await how(both)
        if len(gathered) >= 10:
            gathered.clear()
        if not isinstance(answer, Refusal):
            gathered.append(pending.act)
            pending.done = True
        return answer

    put(patches, witness, "write", write)
